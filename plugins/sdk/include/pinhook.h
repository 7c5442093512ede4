/* pinhook.h - native plugins for pinhook, C ABI version 1.  SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A plugin is a shared library. It exports
 *
 *     uint32_t pinhook_abi(void);                                     returns PINHOOK_ABI
 *     int32_t  NAME(const pinhook_api *api, pinhook_object *object);  a hook; NAME is what definitions call it
 *     const uint32_t NAME_flags;                                      optional: what the hook needs
 *
 * Build: cc -shared -fPIC -o plugin.so plugin.c
 *
 * The contract
 *  - `object` stands for one request. It is valid during the call, on the calling thread.
 *  - A hook may be called on several threads at once, with different objects.
 *  - A hook must not unwind: no C++ exception and no Rust panic may leave it. If one does, the process aborts.
 *  - The table only grows at its end. A plugin runs on every later pinhook of ABI 1 without being rebuilt; before it
 *    calls a function that is younger than the pinhook it must also run on, it asks PINHOOK_HAS.
 */
#ifndef PINHOOK_H
#define PINHOOK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PINHOOK_ABI 1u

/* Flags of a hook. Without any, it may block: it runs on a thread of its own, within a time limit. */
#define PINHOOK_REQUEST_BODY 1u  /* it needs the whole request body (this pinhook refuses to load it) */
#define PINHOOK_RESPONSE_BODY 2u /* it needs the whole response body (this pinhook refuses to load it) */
#define PINHOOK_NON_BLOCKING 4u  /* it never waits (no I/O, no sleep, no long loop): called at once, no time limit */

/* What a hook returns. Any negative number is an error: it is logged and the client gets 500. So is any number that
 * has no name here. */
#define PINHOOK_NEXT 0    /* the request goes on; an answer that was begun is dropped */
#define PINHOOK_RESPOND 1 /* the answer that was set ends the request; without one, an empty 200 */
#define PINHOOK_PANICKED INT32_MIN /* an SDK caught a panic; counted as such */

/* What a function that edits returns. */
#define PINHOOK_OK 0
#define PINHOOK_NOT_FOUND (-1) /* nothing by that name to remove */
#define PINHOOK_INVALID (-2)   /* an argument is malformed or not allowed; nothing was changed */

/* Where a hook is called. */
#define PINHOOK_PRE 1u      /* before authentication */
#define PINHOOK_POST 2u     /* last before the request goes upstream */
#define PINHOOK_ENDPOINT 3u /* like POST, for one endpoint */

/* Levels of a log line. */
#define PINHOOK_LOG_ERROR 1u
#define PINHOOK_LOG_WARN 2u
#define PINHOOK_LOG_INFO 3u
#define PINHOOK_LOG_DEBUG 4u
#define PINHOOK_LOG_TRACE 5u

typedef struct pinhook_object pinhook_object;

/* A text: pointer and length, NOT ended by a zero byte.
 * Returned by pinhook: borrowed until the field it came from is edited, at most until the hook returns. `data` is NULL
 * if there is no such thing; an empty text has a pointer. Path, raw path, query and request target are one field.
 * Given to pinhook: copied during the call. */
typedef struct pinhook_str {
  const char *data;
  size_t len;
} pinhook_str;

typedef struct pinhook_api {
  size_t size; /* of this table in bytes, in the running pinhook */

  /* The gateway. */
  uint32_t (*abi_version)(pinhook_object *object);
  pinhook_str (*gateway_version)(pinhook_object *object); /* such as "1.4.0" */
  void (*log)(pinhook_object *object, uint32_t level, pinhook_str text);

  /* The place of the call. */
  uint32_t (*hook_kind)(pinhook_object *object); /* PINHOOK_PRE, ...; more may come */
  pinhook_str (*api_id)(pinhook_object *object);
  pinhook_str (*org_id)(pinhook_object *object);
  pinhook_str (*api_name)(pinhook_object *object);
  pinhook_str (*config_data)(pinhook_object *object);    /* of the definition, as JSON text; "{}" if there is none */
  pinhook_str (*client_address)(pinhook_object *object); /* IP address of the connection; NULL if it has none */

  /* Texts that the hooks of one request leave for each other. UTF-8. */
  pinhook_str (*metadata)(pinhook_object *object, pinhook_str key);
  int32_t (*set_metadata)(pinhook_object *object, pinhook_str key, pinhook_str value);
  int32_t (*remove_metadata)(pinhook_object *object, pinhook_str key);

  /* Method and URL. The path starts with the listen path of the API. */
  pinhook_str (*method)(pinhook_object *object);
  int32_t (*set_method)(pinhook_object *object, pinhook_str method);
  pinhook_str (*path)(pinhook_object *object); /* decoded: "/a b" */
  int32_t (*set_path)(pinhook_object *object, pinhook_str path);
  pinhook_str (*raw_path)(pinhook_object *object); /* with its escapes: "/a%20b" */
  int32_t (*set_raw_path)(pinhook_object *object, pinhook_str path);
  pinhook_str (*query)(pinhook_object *object); /* without "?"; empty if there is none */
  int32_t (*set_query)(pinhook_object *object, pinhook_str query);
  pinhook_str (*request_target)(pinhook_object *object); /* raw path and query: "/a%20b?c=d" */
  int32_t (*set_request_target)(pinhook_object *object, pinhook_str target);

  /* Request headers. Names are compared without regard to case. Content-Length and Transfer-Encoding are the
   * gateway's business: editing them is PINHOOK_INVALID. */
  pinhook_str (*header)(pinhook_object *object, pinhook_str name); /* its first value */
  size_t (*header_count)(pinhook_object *object, pinhook_str name);
  pinhook_str (*header_nth)(pinhook_object *object, pinhook_str name, size_t nth); /* its values, from 0 */
  size_t (*headers_len)(pinhook_object *object);                                   /* all values of all names */
  pinhook_str (*header_name_at)(pinhook_object *object, size_t index);             /* in lower case, from 0 */
  pinhook_str (*header_value_at)(pinhook_object *object, size_t index);
  int32_t (*set_header)(pinhook_object *object, pinhook_str name, pinhook_str value); /* replaces all values */
  int32_t (*add_header)(pinhook_object *object, pinhook_str name, pinhook_str value);
  int32_t (*remove_header)(pinhook_object *object, pinhook_str name); /* all values */

  /* Sends this one request elsewhere: "http://10.0.0.7:9000", scheme http, https, h2c, ws or wss; or "host:port",
   * which means http. No user name, no fragment. No other request is touched. The last call counts. */
  int32_t (*set_target)(pinhook_object *object, pinhook_str url);

  /* An own answer. It counts if the hook returns PINHOOK_RESPOND. Each function begins one with status 200 if there
   * is none yet. Status 200 to 999. Content-Length and Transfer-Encoding are set by the gateway. */
  int32_t (*respond)(pinhook_object *object, uint32_t status);
  int32_t (*set_answer_header)(pinhook_object *object, pinhook_str name, pinhook_str value);
  int32_t (*add_answer_header)(pinhook_object *object, pinhook_str name, pinhook_str value);
  int32_t (*set_answer_body)(pinhook_object *object, pinhook_str body);
} pinhook_api;

/* True if the running pinhook has this function: PINHOOK_HAS(api, set_target). */
#define PINHOOK_HAS(api, function) \
  ((api)->size >= offsetof(pinhook_api, function) + sizeof((api)->function))

/* The text of a string literal. */
#ifdef __cplusplus
#define PINHOOK_STR(literal) (pinhook_str{"" literal, sizeof(literal) - 1})
#else
#define PINHOOK_STR(literal) ((pinhook_str){"" literal, sizeof(literal) - 1})
#endif

/* Put before what a plugin exports. */
#define PINHOOK_EXPORT __attribute__((visibility("default")))

#ifdef __cplusplus
}
#endif

#endif
