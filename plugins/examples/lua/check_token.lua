---@module 'pinhook'
-- An auth hook: tokens and what they may do come from `config_data`.
--
-- "use_keyless": false, "custom_plugin_auth_enabled": true,
-- "custom_middleware": {"driver": "lua", "auth_check": {"name": "CheckToken", "path": "check_token.lua"}},
-- "config_data": {"tokens": {"s3cret": {"alias": "alice", "rate": 10, "per": 1, "quota_max": -1, "tier": "gold"}}}
--
-- The token comes in `X-Token`. `metadata.token` names the key: its session is stored and its limits are kept under
-- that name.

---@param request pinhook.Request
---@param session pinhook.Session
---@param metadata table<string, string>
---@param spec pinhook.Spec
function CheckToken(request, session, metadata, spec)
  local token = request.headers["X-Token"]
  local known = token and cjson.decode(spec.config_data).tokens[token]
  if not known then
    request.return_overrides.response_code = token and 403 or 401
    request.return_overrides.response_error = token and "unknown token" or "X-Token is missing"
    return request, session, metadata
  end
  session.alias, session.quota_max = known.alias, known.quota_max
  session.rate, session.per = known.rate, known.per
  metadata.tier = known.tier
  metadata.token = token
  return request, session, metadata
end
