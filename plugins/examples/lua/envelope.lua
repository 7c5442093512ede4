---@module 'pinhook'
-- Edits query and body last before the upstream. `raw_body` is what counts, and may hold any bytes.
--
-- "custom_middleware": {"driver": "lua", "post": [{"name": "Envelope", "path": "envelope.lua"}]}

---@param request pinhook.Request
function Envelope(request)
  request.add_params.source = "gateway"
  table.insert(request.delete_params, "debug")
  local ok, order = pcall(cjson.decode, request.raw_body)
  if ok and type(order) == "table" then
    request.raw_body = cjson.encode({ order = order })
  end
end
