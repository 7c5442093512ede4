/// <reference path="../../sdk/js/pinhook.d.ts" />
// An auth hook: tokens and what they may do come from `config_data`.
//
// "use_keyless": false, "custom_plugin_auth_enabled": true,
// "custom_middleware": {"driver": "otto", "auth_check": {"name": "checkToken", "path": "check_token.js"}},
// "config_data": {"tokens": {"s3cret": {"alias": "alice", "rate": 10, "per": 1, "quota_max": -1}}}
//
// The token comes in `X-Token`. AuthValue names the key: its session is stored and its limits are kept under that name.

const checkToken = new TykJS.TykMiddleware.NewMiddleware({});

function refuse(request, code, text) {
  request.ReturnOverrides.ResponseCode = code;
  request.ReturnOverrides.ResponseError = text;
  return { Request: request, Session: {} };
}

checkToken.NewProcessRequest((request, session, config) => {
  const token = (request.Headers["X-Token"] || [])[0];
  if (!token) {
    return refuse(request, 401, "X-Token is missing");
  }
  const known = config.config_data.tokens;
  if (!Object.hasOwn(known, token)) {
    return refuse(request, 403, "unknown token");
  }
  return { Request: request, Session: known[token], AuthValue: token };
});
