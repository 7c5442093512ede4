---@module 'pinhook'
-- The smallest hook: sets a header.
--
-- "custom_middleware": {"driver": "lua", "pre": [{"name": "AddHeader", "path": "add_header.lua"}]}

---@param request pinhook.Request
function AddHeader(request)
  request.set_header("Foo", "Bar")
end
