---@module 'pinhook'
-- Stars in fields of JSON answers.
--
-- "custom_middleware": {"driver": "lua", "response": [{"name": "MaskJson", "path": "mask_json.lua"}]},
-- "config_data": {"mask": ["iban", "phone"]}

local function mask(value, names)
  for name, inner in pairs(value) do
    if names[name] and type(inner) == "string" then
      value[name] = ("*"):rep(#inner)
    elseif type(inner) == "table" then
      mask(inner, names)
    end
  end
end

---@param request pinhook.Request
---@param response pinhook.Response
---@param session pinhook.Session
---@param metadata table<string, string>
---@param spec pinhook.Spec
function MaskJson(request, response, session, metadata, spec)
  local ok, document = pcall(cjson.decode, response.raw_body)
  if not ok or type(document) ~= "table" then return response end
  local names = {}
  for _, name in ipairs(cjson.decode(spec.config_data).mask) do names[name] = true end
  mask(document, names)
  response.raw_body = cjson.encode(document)
  return response
end
