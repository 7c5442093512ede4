---@module 'pinhook'
-- An analytics hook: addresses lose their host part, detailed recordings go.
--
-- "analytics_plugin": {"enable": true, "plugin_path": "anonymise.lua", "func_name": "Anonymise",
--                      "pinhook": {"driver": "lua"}}

---@param record table
function Anonymise(record)
  record.ip_address = record.ip_address:gsub("%.%d+$", ".0")
  record.raw_request, record.raw_response = "", ""
  table.insert(record.tags, "anonymised")
end
