// Puts a JSON request body into an envelope that names the client: {"client":"192.0.2.1","payload":...}. A hook in C++
// that reads and replaces the request body.
//
//     "custom_middleware": {"driver": "goplugin", "post": [{"name": "Envelope", "path": "envelope.so"}]}
//
// Build: c++ -std=c++17 -shared -fPIC -O2 -I plugins/sdk/include -o envelope.so envelope.cpp
#include <exception>
#include <string>
#include <string_view>

#include "pinhook.h"

namespace {

std::string_view view(pinhook_str text) { return text.data ? std::string_view(text.data, text.len) : std::string_view(); }

pinhook_str str(const std::string &text) { return pinhook_str{text.data(), text.size()}; }

int32_t envelope(const pinhook_api &api, pinhook_object *object) {
  if (view(api.header(object, PINHOOK_STR("Content-Type"))).find("json") == std::string_view::npos) return PINHOOK_NEXT;
  const pinhook_str body = api.request_body(object);
  if (body.data == nullptr || body.len == 0) return PINHOOK_NEXT;
  std::string sealed = "{\"client\":\"";
  sealed += view(api.client_address(object));
  sealed += "\",\"payload\":";
  sealed += view(body);
  sealed += "}";
  return api.set_request_body(object, str(sealed));
}

}  // namespace

extern "C" {

PINHOOK_EXPORT uint32_t pinhook_abi(void) { return PINHOOK_ABI; }

// A const is private to its file in C++ unless it is declared first.
PINHOOK_EXPORT extern const uint32_t Envelope_flags;
const uint32_t Envelope_flags = PINHOOK_NON_BLOCKING | PINHOOK_REQUEST_BODY;

// No exception may leave a hook: the process would end.
PINHOOK_EXPORT int32_t Envelope(const pinhook_api *api, pinhook_object *object) {
  try {
    if (!PINHOOK_HAS(api, set_request_body)) return -1;
    return envelope(*api, object);
  } catch (const std::exception &error) {
    api->log(object, PINHOOK_LOG_ERROR, str(error.what()));
    return -1;
  }
}

}  // extern "C"
