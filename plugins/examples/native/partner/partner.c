/* Two hooks around auth, in C. CheckPartner lets those in who name a partner, as the key "partner-NAME"; TagPartner runs
 * once it is known who calls, and tells the upstream what the session's metadata holds.
 *
 *     "use_keyless": false, "custom_plugin_auth_enabled": true,
 *     "custom_middleware": {"driver": "goplugin", "auth_check": {"name": "CheckPartner", "path": "partner.so"},
 *                           "post_key_auth": [{"name": "TagPartner", "path": "partner.so"}]}
 *
 * Anybody can name a partner: this shows the calls, not how to tell a friend.
 *
 * Build: cc -shared -fPIC -O2 -I plugins/sdk/include -o partner.so partner.c
 */
#include "pinhook.h"

#include <ctype.h>
#include <stdio.h>

PINHOOK_EXPORT uint32_t pinhook_abi(void);
PINHOOK_EXPORT int32_t CheckPartner(const pinhook_api *api, pinhook_object *object);
PINHOOK_EXPORT extern const uint32_t CheckPartner_flags;
PINHOOK_EXPORT int32_t TagPartner(const pinhook_api *api, pinhook_object *object);
PINHOOK_EXPORT extern const uint32_t TagPartner_flags;

uint32_t pinhook_abi(void) { return PINHOOK_ABI; }

const uint32_t CheckPartner_flags = PINHOOK_NON_BLOCKING;
const uint32_t TagPartner_flags = PINHOOK_NON_BLOCKING;

static pinhook_str text(const char *data, int len) {
  pinhook_str made;
  made.data = data;
  made.len = (size_t)len;
  return made;
}

/* True for 1 to 32 letters and digits: what may stand in JSON as it is. */
static int is_name(pinhook_str name) {
  size_t i;
  if (name.data == NULL || name.len == 0 || name.len > 32) return 0;
  for (i = 0; i < name.len; i++)
    if (!isalnum((unsigned char)name.data[i])) return 0;
  return 1;
}

int32_t CheckPartner(const pinhook_api *api, pinhook_object *object) {
  char session[160], token[48];
  pinhook_str name = api->header(object, PINHOOK_STR("X-Partner"));
  int session_len, token_len;
  if (!PINHOOK_HAS(api, set_session)) return -1;
  if (!is_name(name)) {
    api->respond(object, 403);
    api->set_answer_body(object, PINHOOK_STR("no partner\n"));
    return PINHOOK_RESPOND;
  }
  token_len = snprintf(token, sizeof token, "partner-%.*s", (int)name.len, name.data);
  session_len = snprintf(session, sizeof session,
                         "{\"alias\":\"%.*s\",\"quota_max\":-1,\"meta_data\":{\"tier\":\"partner\",\"level\":2}}",
                         (int)name.len, name.data);
  if (api->set_session(object, text(session, session_len)) != PINHOOK_OK) return -1;
  return api->set_metadata(object, PINHOOK_STR("token"), text(token, token_len));
}

int32_t TagPartner(const pinhook_api *api, pinhook_object *object) {
  pinhook_str tier, level;
  if (!PINHOOK_HAS(api, set_session_metadata)) return -1;
  tier = api->session_metadata(object, PINHOOK_STR("tier"));
  level = api->session_metadata(object, PINHOOK_STR("level"));
  if (tier.data == NULL) return PINHOOK_NEXT;
  api->set_header(object, PINHOOK_STR("X-Tier"), tier);
  if (level.data != NULL) api->set_header(object, PINHOOK_STR("X-Level"), level);
  return api->set_session_metadata(object, PINHOOK_STR("seen"), PINHOOK_STR("yes"));
}
