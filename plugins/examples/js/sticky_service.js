/// <reference path="../../sdk/js/pinhook.d.ts" />
// Sticky sessions where a service of yours knows the address.
//
// "config_data": {"sticky_service": {"url": "http://stickiness:8085/address", "timeout": 500,
//                                    "fallback": "http://greeter-lb:8080"}}
//
// The service is asked `GET /address?key=…`, where the key is the header `X-User`. It answers 200 with the address as text;
// anything else means that it knows none, and then the fallback is used, or the API's usual target.

const stickyService = new TykJS.TykMiddleware.NewMiddleware({});

stickyService.NewProcessRequest((request, session, config) => {
  const { url, timeout, fallback } = config.config_data.sticky_service;
  const user = (request.Headers["X-User"] || [])[0];
  let target = fallback;
  if (user) {
    const reply = call(`${url}?key=${encodeURIComponent(user)}`, { timeout });
    if (reply.status === 200) {
      target = reply.body.trim();
    } else if (reply.error) {
      log(`the stickiness service did not answer: ${reply.error}`);
    }
  }
  if (target) {
    request.SetTarget(target);
  }
  return stickyService.ReturnData(request, {});
});
