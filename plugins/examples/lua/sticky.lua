---@module 'pinhook'
-- A cookie or a header chooses the target of this one request, from a table in `config_data`.
--
-- "custom_middleware": {"driver": "lua", "pre": [{"name": "Sticky", "path": "sticky.lua"}]},
-- "config_data": {"sticky": {"cookie": "instance", "header": "X-Instance", "targets": {"a": "http://10.0.0.1:8080"}}}
--
-- A request that names no target, or one that is not in the table, goes where the API goes.

---@param request pinhook.Request
---@param session pinhook.Session
---@param spec pinhook.Spec
function Sticky(request, session, spec)
  local config = cjson.decode(spec.config_data).sticky
  local wanted = request.headers[config.header]
  if not wanted then
    for name, value in (request.headers["Cookie"] or ""):gmatch("([^=;%s]+)=([^;]*)") do
      if name == config.cookie then wanted = value end
    end
  end
  local target = wanted and config.targets[wanted]
  if target then request.set_target(target) end
end
