---@module 'pinhook'
-- An aggregator: a virtual endpoint that asks two APIs of this gateway at once and joins their answers.
--
-- "virtual": [{"path": "/dashboard", "method": "GET", "response_function_name": "Dashboard",
--              "function_source_type": "file", "function_source_uri": "dashboard.lua",
--              "pinhook": {"driver": "lua"}}]
-- "config_data": {"dashboard": {"orders": "tyk://orders/", "stock": "tyk://stock/"}}
--
-- The APIs may be internal ones, which no client can reach; their own auth, limits and records apply.

---@param request pinhook.Request
---@param session pinhook.Session
---@param spec pinhook.Spec
---@return pinhook.Answer
function Dashboard(request, session, spec)
  local config = cjson.decode(spec.config_data).dashboard
  local user = request.headers["X-User"] or "nobody"
  local headers = { ["X-User"] = user }
  local replies = call_all({
    { url = config.orders .. user, headers = headers },
    { url = config.stock, headers = headers },
  })
  local page = { user = user, missing = setmetatable({}, cjson.array_mt) }
  for at, name in ipairs({ "orders", "stock" }) do
    -- A part that fails leaves a gap and a name, so the page still comes.
    if replies[at].status == 200 then
      page[name] = cjson.decode(replies[at].body)
    else
      page[name] = cjson.null
      table.insert(page.missing, name)
    end
  end
  return {
    status = #page.missing == #replies and 502 or 200,
    headers = { ["Content-Type"] = "application/json" },
    body = cjson.encode(page),
  }
end
