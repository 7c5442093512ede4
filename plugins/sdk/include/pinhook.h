/* pinhook.h - native plugins for pinhook, C ABI version 1.  SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A plugin is a shared library. It exports
 *
 *     uint32_t pinhook_abi(void);                                     returns PINHOOK_ABI
 *     int32_t  NAME(const pinhook_api *api, pinhook_object *object);  a hook; NAME is what definitions call it
 *     const uint32_t NAME_flags;                                      optional: what the hook needs
 *     int32_t  pinhook_on_reload(const pinhook_api *, pinhook_object *);   optional: see PINHOOK_RELOAD
 *
 * Build: cc -shared -fPIC -o plugin.so plugin.c
 *
 * The contract
 *  - `object` stands for one request (or record). It is valid during the call, on the calling thread.
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

/* Flags of a hook. Without any, it may block: it runs on a thread of its own, within a time limit. A body is read
 * into memory, up to a limit, only if a hook asks for it: others stream. */
#define PINHOOK_REQUEST_BODY 1u  /* it needs the whole request body */
#define PINHOOK_RESPONSE_BODY 2u /* it needs the whole response body, where it is called as PINHOOK_RESPONSE */
#define PINHOOK_NON_BLOCKING 4u  /* it never waits (no I/O, no sleep, no long loop): called at once, no time limit */

/* What a hook returns. Any negative number is an error, and so is any number that has no name here: it is logged. From a
 * hook on a request the client gets 500; from one on an answer, the answer as it stood before. */
#define PINHOOK_NEXT 0 /* the request goes on; an answer that was begun is dropped */
/* The answer that was set ends the request; without one, an empty 200. From a response hook: it takes the place of the
 * upstream's whole answer, status, headers and body; later response hooks see it. From a hook on a record: an error. */
#define PINHOOK_RESPOND 1
#define PINHOOK_PANICKED INT32_MIN /* an SDK caught a panic; counted as such */

/* What a function that edits returns. */
#define PINHOOK_OK 0
#define PINHOOK_NOT_FOUND (-1) /* nothing by that name to remove */
#define PINHOOK_INVALID (-2)   /* an argument is malformed or not allowed; nothing was changed */
#define PINHOOK_NONE (-3)      /* this call has no such part, or it is too late to edit it */
#define PINHOOK_WAITS (-4)     /* the function waits, and this hook is PINHOOK_NON_BLOCKING */
#define PINHOOK_FAILED (-5)    /* it was tried and failed; the log says why */

/* Where a hook is called. What a call has not got reads as NULL or 0, and editing it is PINHOOK_NONE. */
#define PINHOOK_PRE 1u      /* before authentication */
#define PINHOOK_POST 2u     /* last before the request goes upstream */
#define PINHOOK_ENDPOINT 3u /* like POST, for one endpoint */
/* On the upstream's answer, before the client gets it. The request can be read, but not edited. */
#define PINHOOK_RESPONSE 4u
/* On an analytics record, after the request and off its thread. There is no request and no response. On an error, or
 * after the time limit, the record is written as if there were no hook. */
#define PINHOOK_ANALYTICS 5u
/* pinhook_on_reload: called in each library in use, in the background, each time that definitions have been loaded and
 * are live, the first time included. Hooks may run at the same time. There is only the gateway: no API, no request. An
 * error is logged. */
#define PINHOOK_RELOAD 6u
/* Decides who calls (custom_middleware.auth_check). It leaves the session of the key with set_session and names the key
 * with set_metadata "token"; both are stored, and the session's policies, rights and limits apply. Or it answers. With
 * neither the client gets 400. Called for ignored paths, too. */
#define PINHOOK_AUTH_CHECK 7u
#define PINHOOK_POST_KEY_AUTH 8u /* once it is known who calls, before rights and limits are checked */
/* Answers in the upstream's place, for one endpoint (extended_paths.virtual). PINHOOK_NEXT is a failure: 500. */
#define PINHOOK_VIRTUAL 9u
/* Hears of an event (event_handlers, cp_dynamic_handler with the file in handler_meta.path), in the background. There is no
 * request; what it returns is only logged. */
#define PINHOOK_EVENT 10u

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

  /* The API. */
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

  /* All below is younger than the functions above: PINHOOK_HAS tells if it is there. */

  /* The request's body, for a hook with PINHOOK_REQUEST_BODY; NULL for any other. Such a hook is left out (and counted)
   * for gRPC, which is never held back. Bytes, without their framing. The gateway adjusts the length. */
  pinhook_str (*request_body)(pinhook_object *object);
  int32_t (*set_request_body)(pinhook_object *object, pinhook_str body);

  /* The upstream's answer, for PINHOOK_RESPONSE. Headers as for requests. */
  uint32_t (*response_status)(pinhook_object *object);
  int32_t (*set_response_status)(pinhook_object *object, uint32_t status); /* 200 to 999 */
  pinhook_str (*response_header)(pinhook_object *object, pinhook_str name);
  size_t (*response_header_count)(pinhook_object *object, pinhook_str name);
  pinhook_str (*response_header_nth)(pinhook_object *object, pinhook_str name, size_t nth);
  size_t (*response_headers_len)(pinhook_object *object);
  pinhook_str (*response_header_name_at)(pinhook_object *object, size_t index);
  pinhook_str (*response_header_value_at)(pinhook_object *object, size_t index);
  int32_t (*set_response_header)(pinhook_object *object, pinhook_str name, pinhook_str value);
  int32_t (*add_response_header)(pinhook_object *object, pinhook_str name, pinhook_str value);
  int32_t (*remove_response_header)(pinhook_object *object, pinhook_str name);

  /* Its body, for a hook with PINHOOK_RESPONSE_BODY: unpacked (gzip, ...), length and encoding adjusted by the gateway.
   * NULL for a hook without it. Such a hook is left out (and counted) for answers that are never held back: event
   * streams, upgrades, gRPC. */
  pinhook_str (*response_body)(pinhook_object *object);
  int32_t (*set_response_body)(pinhook_object *object, pinhook_str body);

  /* The fields of an analytics record, for PINHOOK_ANALYTICS, by the names that Tyk Pump prints.
   *  texts:   method host path raw_path user_agent api_key api_version api_name api_id org_id oauth_id raw_request
   *           raw_response ip_address alias api_schema original_path listen_path. api_key is still in clear: it is
   *           hashed later. raw_request and raw_response are base64.
   *  numbers: content_length day month year hour response_code request_time latency.total latency.upstream
   *           latency.gateway (milliseconds); timestamp expireAt (nanoseconds since 1970); track_path (0 or 1). One
   *           that its field cannot hold is dropped.
   *  tags:    those known so far; tags of node, key, organisation and API are added later.
   * A field of another kind is PINHOOK_INVALID, an unknown one PINHOOK_NOT_FOUND or NULL. */
  pinhook_str (*record_text)(pinhook_object *object, pinhook_str name);
  int32_t (*set_record_text)(pinhook_object *object, pinhook_str name, pinhook_str value); /* UTF-8 */
  int32_t (*record_number)(pinhook_object *object, pinhook_str name, int64_t *number);     /* set on PINHOOK_OK */
  int32_t (*set_record_number)(pinhook_object *object, pinhook_str name, int64_t number);
  size_t (*record_tags_len)(pinhook_object *object);
  pinhook_str (*record_tag_at)(pinhook_object *object, size_t index); /* from 0 */
  int32_t (*add_record_tag)(pinhook_object *object, pinhook_str tag);
  int32_t (*remove_record_tag)(pinhook_object *object, pinhook_str tag); /* all that are equal */

  /* The session of the key that calls: a JSON object with Tyk's member names, such as rate, per, quota_max,
   * access_rights, apply_policies, expires, tags, alias, meta_data. NULL while nobody is known: in a pre hook, and for
   * keyless APIs. A hook before the request goes upstream may edit it where there is one, and PINHOOK_AUTH_CHECK may
   * set the first. An edit holds from then on: policies are applied to it anew, and it is stored. */
  pinhook_str (*session)(pinhook_object *object);
  int32_t (*set_session)(pinhook_object *object, pinhook_str json); /* the whole; no session is PINHOOK_INVALID */
  /* A member of its meta_data: a text as it is, anything else as JSON. */
  pinhook_str (*session_metadata)(pinhook_object *object, pinhook_str key);
  int32_t (*set_session_metadata)(pinhook_object *object, pinhook_str key, pinhook_str value); /* a text, UTF-8 */
  int32_t (*remove_session_metadata)(pinhook_object *object, pinhook_str key);

  /* Requests of the hook itself: to a URL (http, https), or to an API of this gateway, also an internal one, by its id
   * or name: tyk://API/path. Begin any number of them, then make them all at once with call_all, which waits for the
   * last answer, at most as long as the hook may take. Nothing here is for PINHOOK_NON_BLOCKING hooks (PINHOOK_WAITS).
   *
   *     int32_t a = api->call_begin(object, PINHOOK_STR("GET"), PINHOOK_STR("tyk://users/1"));
   *     int32_t b = api->call_begin(object, PINHOOK_STR("GET"), PINHOOK_STR("http://orders/?user=1"));
   *     if (a >= 0 && b >= 0 && api->call_all(object) == PINHOOK_OK && api->reply_status(object, a) == 200) ...
   *
   * call_begin returns the number of the request, from 0, or one of the codes above; an empty method is GET. */
  int32_t (*call_begin)(pinhook_object *object, pinhook_str method, pinhook_str url);
  int32_t (*call_header)(pinhook_object *object, uint32_t number, pinhook_str name, pinhook_str value);
  int32_t (*call_body)(pinhook_object *object, uint32_t number, pinhook_str body);
  int32_t (*call_timeout)(pinhook_object *object, uint32_t number, uint32_t milliseconds); /* 0: the hook's own */
  int32_t (*call_all)(pinhook_object *object);
  /* What came of them, by number. Without an answer the status is 0, and reply_error says why. All texts stay valid
   * until the hook returns. */
  uint32_t (*reply_status)(pinhook_object *object, uint32_t number);
  pinhook_str (*reply_error)(pinhook_object *object, uint32_t number); /* NULL if there is an answer */
  pinhook_str (*reply_header)(pinhook_object *object, uint32_t number, pinhook_str name); /* its first value */
  size_t (*reply_headers_len)(pinhook_object *object, uint32_t number);
  pinhook_str (*reply_header_name_at)(pinhook_object *object, uint32_t number, size_t index);
  pinhook_str (*reply_header_value_at)(pinhook_object *object, uint32_t number, size_t index);
  pinhook_str (*reply_body)(pinhook_object *object, uint32_t number);

  /* Data that all gateways on the same Redis share; in the same place as Tyk's store_data and get_data. `ttl` in
   * seconds, 0 for ever. Both wait. */
  int32_t (*store_data)(pinhook_object *object, pinhook_str key, pinhook_str value, int64_t ttl);
  pinhook_str (*get_data)(pinhook_object *object, pinhook_str key); /* NULL if there is none, or on failure */
  /* Fires an event, by any name, for the event_handlers of the gateway's configuration. Does not wait. */
  int32_t (*trigger_event)(pinhook_object *object, pinhook_str name, pinhook_str payload);

  /* What a PINHOOK_EVENT is told: {"Type": …, "Meta": {…}, "TimeStamp": …}, as JSON; NULL for any other hook. */
  pinhook_str (*event)(pinhook_object *object);
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
