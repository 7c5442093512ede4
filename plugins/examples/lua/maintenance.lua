---@module 'pinhook'
-- Answers by itself while `config_data` says so: 503 with `Retry-After`.
--
-- "custom_middleware": {"driver": "lua", "pre": [{"name": "Maintenance", "path": "maintenance.lua"}]},
-- "config_data": {"maintenance": {"on": true, "retry_after": 120, "message": "Back at noon."}}

---@param request pinhook.Request
---@param session pinhook.Session
---@param spec pinhook.Spec
function Maintenance(request, session, spec)
  local config = spec.config_data and cjson.decode(spec.config_data).maintenance
  if not config or not config.on then return end
  request.return_overrides = {
    response_code = 503,
    response_body = config.message,
    headers = { ["Retry-After"] = config.retry_after, ["Content-Type"] = "text/plain" },
    -- The body as it is, not within the error template.
    override_error = true,
  }
end
