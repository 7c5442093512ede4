/* tyk_compat.h - Tyk's C gateway API on top of pinhook.h.  SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * C code that was written against Tyk's api.h (TykTriggerEvent, TykStoreData, TykGetData, CoProcessLog) is compiled as
 * it is: it may include this header or declare the functions itself. ONE file of the library says
 *
 *     #define TYK_COMPAT_IMPLEMENTATION
 *     #include "tyk_compat.h"
 *
 * and begins its hooks with TYK_HOOK, which tells those functions whose call they belong to:
 *
 *     TYK_HOOK(MyPreMiddleware) {          // int32_t MyPreMiddleware(const pinhook_api *api, pinhook_object *object)
 *       TykTriggerEvent("my event", "my payload");
 *       return PINHOOK_NEXT;
 *     }
 *
 * The functions work within such a hook and on its thread. Elsewhere they do nothing and say so on standard error.
 */
#ifndef TYK_COMPAT_H
#define TYK_COMPAT_H

#include "pinhook.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fires an event for the event_handlers of the gateway's configuration. */
extern void TykTriggerEvent(char *event_name, char *payload);
/* Keeps a text for all gateways, `ttl` seconds; 0 for ever. */
extern void TykStoreData(char *key, char *value, int ttl);
/* What was kept, ended by a zero byte; empty if there is none. The caller frees it. NULL without memory. */
extern char *TykGetData(char *key);
/* A line in the gateway's log; level is "debug", "info", "warning" or "error". */
extern void CoProcessLog(char *message, char *level);

/* What TYK_HOOK calls; no business of plugins. */
typedef struct tyk_compat_call {
  const pinhook_api *api;
  pinhook_object *object;
} tyk_compat_call;
extern tyk_compat_call tyk_compat_enter(tyk_compat_call call); /* returns the call before */

/* Begins the definition of a hook. In C++ it stands inside extern "C" { ... }. */
#define TYK_HOOK(name)                                                                  \
  static int32_t name##_tyk(const pinhook_api *api, pinhook_object *object);            \
  PINHOOK_EXPORT int32_t name(const pinhook_api *api, pinhook_object *object);          \
  int32_t name(const pinhook_api *api, pinhook_object *object) {                        \
    tyk_compat_call call = {api, object};                                               \
    tyk_compat_call before = tyk_compat_enter(call);                                    \
    int32_t result = name##_tyk(api, object);                                           \
    tyk_compat_enter(before);                                                           \
    return result;                                                                      \
  }                                                                                     \
  static int32_t name##_tyk(const pinhook_api *api, pinhook_object *object)

#ifdef TYK_COMPAT_IMPLEMENTATION
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __thread tyk_compat_call tyk_compat_now;

tyk_compat_call tyk_compat_enter(tyk_compat_call call) {
  tyk_compat_call before = tyk_compat_now;
  tyk_compat_now = call;
  return before;
}

static pinhook_str tyk_compat_text(const char *text) {
  pinhook_str made = {text == NULL ? "" : text, text == NULL ? 0 : strlen(text)};
  return made;
}

/* True within a hook of a pinhook that has all that is called here. */
static int tyk_compat_here(const char *function) {
  const pinhook_api *api = tyk_compat_now.api;
  if (api != NULL && PINHOOK_HAS(api, trigger_event)) return 1;
  fprintf(stderr, "%s: called outside a TYK_HOOK, or by a pinhook that is too old\n", function);
  return 0;
}

static void tyk_compat_failed(const char *function, int32_t code) {
  char text[80];
  if (code == PINHOOK_OK) return;
  snprintf(text, sizeof text, "%s failed with %d", function, (int)code);
  tyk_compat_now.api->log(tyk_compat_now.object, PINHOOK_LOG_ERROR, tyk_compat_text(text));
}

void TykTriggerEvent(char *event_name, char *payload) {
  if (!tyk_compat_here("TykTriggerEvent")) return;
  tyk_compat_failed("TykTriggerEvent",
                    tyk_compat_now.api->trigger_event(tyk_compat_now.object, tyk_compat_text(event_name),
                                                      tyk_compat_text(payload)));
}

void TykStoreData(char *key, char *value, int ttl) {
  if (!tyk_compat_here("TykStoreData")) return;
  tyk_compat_failed("TykStoreData",
                    tyk_compat_now.api->store_data(tyk_compat_now.object, tyk_compat_text(key),
                                                   tyk_compat_text(value), ttl));
}

char *TykGetData(char *key) {
  pinhook_str kept = {NULL, 0};
  char *copy;
  if (tyk_compat_here("TykGetData")) kept = tyk_compat_now.api->get_data(tyk_compat_now.object, tyk_compat_text(key));
  copy = (char *)malloc(kept.len + 1);
  if (copy == NULL) return NULL;
  if (kept.len > 0) memcpy(copy, kept.data, kept.len);
  copy[kept.len] = '\0';
  return copy;
}

void CoProcessLog(char *message, char *level) {
  uint32_t as = PINHOOK_LOG_INFO;
  if (!tyk_compat_here("CoProcessLog")) return;
  if (level != NULL && strcmp(level, "debug") == 0) as = PINHOOK_LOG_DEBUG;
  if (level != NULL && strcmp(level, "warning") == 0) as = PINHOOK_LOG_WARN;
  if (level != NULL && strcmp(level, "error") == 0) as = PINHOOK_LOG_ERROR;
  tyk_compat_now.api->log(tyk_compat_now.object, as, tyk_compat_text(message));
}
#endif /* TYK_COMPAT_IMPLEMENTATION */

#ifdef __cplusplus
}
#endif

#endif
