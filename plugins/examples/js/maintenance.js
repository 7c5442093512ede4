/// <reference path="../../sdk/js/pinhook.d.ts" />
// A maintenance page: while `config_data` says so, the gateway answers by itself and the upstream is left alone.
//
// "config_data": {"maintenance": {"on": true, "retry_after": 120, "message": "Back at noon."}}

const maintenance = new TykJS.TykMiddleware.NewMiddleware({});

maintenance.NewProcessRequest((request, session, config) => {
  const { on, retry_after = 60, message = "Down for maintenance." } = config.config_data.maintenance || {};
  if (on) {
    request.ReturnOverrides = {
      ResponseCode: 503,
      ResponseBody: message + "\n",
      ResponseError: "",
      ResponseHeaders: { "Retry-After": String(retry_after), "Content-Type": "text/plain; charset=utf-8" },
      // As it stands, not in the form of the gateway's error texts.
      OverrideError: true,
    };
  }
  return maintenance.ReturnData(request, {});
});
