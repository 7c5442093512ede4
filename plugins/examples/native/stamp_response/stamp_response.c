/* Gives the answer a header from its request: X-Request-Id, or "none". A response hook in C.
 *
 *     "custom_middleware": {"driver": "goplugin", "response": [{"name": "StampResponse", "path": "stamp_response.so"}]}
 *
 * Build: cc -shared -fPIC -O2 -I plugins/sdk/include -o stamp_response.so stamp_response.c
 */
#include "pinhook.h"

PINHOOK_EXPORT uint32_t pinhook_abi(void);
PINHOOK_EXPORT int32_t StampResponse(const pinhook_api *api, pinhook_object *object);
PINHOOK_EXPORT extern const uint32_t StampResponse_flags;

uint32_t pinhook_abi(void) { return PINHOOK_ABI; }

/* It never waits, and it asks for no body: the answer is still streamed. */
const uint32_t StampResponse_flags = PINHOOK_NON_BLOCKING;

int32_t StampResponse(const pinhook_api *api, pinhook_object *object) {
  pinhook_str id;
  if (!PINHOOK_HAS(api, set_response_header)) {
    api->log(object, PINHOOK_LOG_ERROR, PINHOOK_STR("this pinhook has no response hooks"));
    return -1;
  }
  id = api->header(object, PINHOOK_STR("X-Request-Id"));
  if (id.data == NULL) id = PINHOOK_STR("none");
  return api->set_response_header(object, PINHOOK_STR("X-Request-Id"), id);
}
