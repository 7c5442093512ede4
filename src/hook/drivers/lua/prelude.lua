-- What the scripts of a hook see, made once per Lua state. Nothing a script can reach from here outlives its call: globals
-- are a table per call, libraries are copied into it when they are first named, and no script gets hold of the tables
-- behind them (getmetatable hides them, getfenv, setfenv and debug are not there).
-- `host` is Rust's side: field(name), fill(what, table), set_target(url), log(level, text), and what the gateway does.
local host, chunks = ...

local setfenv, setmetatable, getmetatable = setfenv, setmetatable, getmetatable
local rawset, rawget, type, next, error, loadstring = rawset, rawget, type, next, error, loadstring
local tostring, tonumber, select, concat = tostring, tonumber, select, table.concat
local byte, collectgarbage, ipairs, unpack = string.byte, collectgarbage, ipairs, unpack
local pcall, xpcall = pcall, xpcall
local funcinfo = require("jit.util").funcinfo

string.dump = nil

---------------------------------------------------------------- depth
-- LuaJIT bounds Lua's stack but not C's: functions of C that call back into Lua may nest so deep and no deeper.
local MOST, depth = 100, 0

local function back(before, ...)
  depth = before
  return ...
end

local function guarded(f)
  return function(...)
    local before = depth
    if before >= MOST then error("C stack overflow", 2) end
    depth = before + 1
    return back(before, f(...))
  end
end

string.gsub, string.format, table.sort = guarded(string.gsub), guarded(string.format), guarded(table.sort)
coroutine.resume = guarded(coroutine.resume)
local wrap = coroutine.wrap
coroutine.wrap = function(f) return guarded(wrap(f)) end

-- The globals of the call, and its required modules.
local current, loaded

local function count_parameters(f)
  local info = funcinfo(f)
  return info.params or 0
end

---------------------------------------------------------------- tables that are filled when they are looked at
local FILL = {}

local function lazy(what)
  local meta = {}
  local function fill(t)
    setmetatable(t, nil)
    host.fill(what, t)
  end
  meta.__index = function(t, name)
    fill(t)
    return rawget(t, name)
  end
  meta.__newindex = function(t, name, value)
    fill(t)
    rawset(t, name, value)
  end
  FILL[meta] = fill
  return meta
end

local SESSION, METADATA, SPEC, RESPONSE = lazy("session"), lazy("metadata"), lazy("spec"), lazy("response")

local function empty() return {} end

local FIELDS = {
  headers = host.field, params = host.field, body = host.field, raw_body = host.field, url = host.field,
  method = host.field, request_uri = host.field, scheme = host.field,
  set_headers = empty, delete_headers = empty, add_params = empty, delete_params = empty, extended_params = empty,
  return_overrides = function()
    return { response_code = -1, response_error = "", headers = {}, override_error = false, response_body = "" }
  end,
}

local METHODS = {
  set_header = function(request)
    return function(name, value, more)
      -- request:set_header(name, value) means the same.
      if name == request then name, value = value, more end
      request.set_headers[name] = value
    end
  end,
  set_target = function(request)
    return function(url, more)
      if url == request then url = more end
      host.set_target(url)
    end
  end,
}

local function method(t, name)
  local make = METHODS[name]
  if make then return make(t) end
end

local FILLED = { __index = method }
local REQUEST = {
  __index = function(t, name)
    local make = FIELDS[name]
    if make then
      local value = make(name)
      rawset(t, name, value)
      return value
    end
    return method(t, name)
  end,
}
FILL[REQUEST] = function(t)
  for name, make in next, FIELDS do
    if rawget(t, name) == nil then rawset(t, name, make(name)) end
  end
  setmetatable(t, FILLED)
end

local function filled(t)
  if type(t) == "table" then
    local fill = FILL[getmetatable(t)]
    if fill then fill(t) end
  end
  return t
end
host.filled = filled

---------------------------------------------------------------- globals
local ENV = {}
local HIDDEN = { [ENV] = true, [SESSION] = true, [METADATA] = true, [SPEC] = true, [RESPONSE] = true,
  [REQUEST] = true, [FILLED] = true, [getmetatable("")] = true }

local BASE = {
  _VERSION = _VERSION, assert = assert, error = error, ipairs = ipairs,
  rawequal = rawequal, rawget = rawget, rawset = rawset, select = select, tonumber = tonumber, tostring = tostring,
  type = type, unpack = unpack,
  call = host.call, callAll = host.call_all, call_all = host.call_all, b64enc = host.b64enc, b64dec = host.b64dec,
}

-- An error leaves functions that are guarded without passing their end.
function BASE.pcall(...) return back(depth, pcall(...)) end

function BASE.xpcall(f, handler, ...) return back(depth, xpcall(f, guarded(handler), ...)) end

function BASE.next(t, key)
  return next(filled(t), key)
end

function BASE.pairs(t)
  local meta = type(t) == "table" and getmetatable(t)
  if meta and FILL[meta] then FILL[meta](t) end
  return next, t, nil
end

function BASE.getmetatable(t)
  local meta = getmetatable(t)
  if HIDDEN[meta] then return nil end
  return meta
end

function BASE.setmetatable(t, meta)
  filled(t)
  if t == current and getmetatable(t) == ENV then
    -- A script that guards its globals still has them all.
    for name, value in next, BASE do
      if rawget(t, name) == nil then rawset(t, name, value) end
    end
    for _, name in ipairs({ "string", "table", "math", "bit", "coroutine", "os", "cjson", "tyk", "TykGateway", "package" }) do
      local _ = t[name]
    end
  end
  return setmetatable(t, meta)
end

function BASE.collectgarbage(what)
  if what == "count" then return collectgarbage("count") end
  return 0
end

local function printed(...)
  local texts = {}
  for at = 1, select("#", ...) do texts[at] = tostring((select(at, ...))) end
  return concat(texts, "\t")
end

function BASE.print(...) host.log("info", printed(...)) end

function BASE.log(message, level) host.log(level or "info", printed(message)) end

local function compile(text, name)
  if byte(text, 1) == 27 then return nil, "attempt to load a binary chunk" end
  local f, message = loadstring(text, name)
  if f then setfenv(f, current) end
  return f, message
end

function BASE.loadstring(text, name) return compile(tostring(text), name) end

function BASE.load(chunk, name, _, env)
  if type(chunk) == "function" then
    local parts = {}
    for part in chunk do
      if part == "" then break end
      parts[#parts + 1] = part
    end
    chunk = concat(parts)
  end
  local f, message = compile(tostring(chunk), name)
  if f and env ~= nil then setfenv(f, env) end
  return f, message
end

local gateway = {
  log = BASE.log,
  log_error = function(message) host.log("error", printed(message)) end,
  store_data = host.store_data, get_data = host.get_data, trigger_event = host.trigger_event,
  call = host.call, callAll = host.call_all, call_all = host.call_all, b64enc = host.b64enc, b64dec = host.b64dec,
}

-- Scripts that catch an error of cjson are to find a text.
local function strict(f)
  return function(...)
    local value, reason = f(...)
    if reason then error(reason, 2) end
    return value
  end
end

local function copy(library)
  local made = {}
  for name, value in next, library do made[name] = value end
  return made
end

local json = copy(host.cjson_safe)
json.encode, json.decode = strict(json.encode), strict(json.decode)

local LIBRARIES = {
  string = string, table = table, math = math, bit = bit, coroutine = coroutine, cjson = json,
  os = { time = os.time, date = os.date, clock = os.clock, difftime = os.difftime },
  tyk = gateway, TykGateway = gateway,
}

local function modules()
  if not loaded then loaded = {} end
  return loaded
end

function BASE.require(name)
  local modules = modules()
  local found = modules[name]
  if found ~= nil then return found end
  if name == "cjson" then
    found = current.cjson
  elseif name == "cjson.safe" then
    found = copy(host.cjson_safe)
    for _, own in ipairs({ "array_mt", "empty_array_mt", "empty_array" }) do found[own] = current.cjson[own] end
  elseif LIBRARIES[name] then
    found = current[name]
  else
    local chunk = chunks[name]
    if not chunk then
      error("module '" .. tostring(name) .. "' not found: it must be beside the script and be named in a text", 2)
    end
    modules[name] = true
    setfenv(chunk, current)
    found = chunk(name)
    if found == nil then found = modules[name] end
  end
  modules[name] = found
  return found
end

setmetatable(BASE, {
  __index = function(_, name)
    local library = LIBRARIES[name]
    if library then
      local made = copy(library)
      if library == json then
        made.array_mt = {}
        made.empty_array_mt = made.array_mt
        made.empty_array = setmetatable({}, made.array_mt)
        host.set_array(made.array_mt)
      end
      rawset(current, name, made)
      return made
    end
    if name == "package" then
      local made = { loaded = modules(), path = "", cpath = "" }
      rawset(current, name, made)
      return made
    end
  end,
})
ENV.__index = BASE

---------------------------------------------------------------- calls
local function enter(chunk, name)
  current, loaded, depth = setmetatable({}, ENV), nil, 0
  rawset(current, "_G", current)
  setfenv(chunk, current)
  chunk()
  local f = rawget(current, name)
  if type(f) ~= "function" then
    error("there is no global function '" .. name .. "' but " .. (f == nil and "nothing" or "a " .. type(f)), 0)
  end
  return f
end

local function expect(value, what)
  if type(value) ~= "table" then
    error("it returned a " .. type(value) .. " where " .. what .. " is expected", 0)
  end
  return value
end

local function some(t)
  if type(t) == "table" and next(t) == nil then return nil end
  return t
end

local function left(request)
  local overrides = rawget(request, "return_overrides")
  if type(overrides) == "table" and (tonumber(overrides.response_code) or 0) <= 0 then overrides = nil end
  return rawget(request, "url"), rawget(request, "method"), rawget(request, "raw_body"), rawget(request, "body"),
    some(rawget(request, "set_headers")), some(rawget(request, "delete_headers")),
    some(rawget(request, "add_params")), some(rawget(request, "delete_params")), overrides
end

local calls = { parameters = function(chunk, name) return count_parameters(enter(chunk, name)) end }

function calls.request(chunk, name, count)
  local f = enter(chunk, name)
  local request, session = setmetatable({}, REQUEST), setmetatable({}, SESSION)
  local spec, back = setmetatable({}, SPEC), nil
  if count >= 4 then
    back = f(request, session, setmetatable({}, METADATA), spec)
  else
    back = f(request, session, spec)
  end
  if back ~= nil then request = expect(back, "a request") end
  return left(request)
end

function calls.auth(chunk, name, count)
  local f = enter(chunk, name)
  local request, session, metadata = setmetatable({}, REQUEST), {}, {}
  local spec, a, b, c = setmetatable({}, SPEC), nil, nil, nil
  if count >= 4 then
    a, b, c = f(request, session, metadata, spec)
  else
    a, b = f(request, session, spec)
  end
  if a ~= nil then request = expect(a, "a request") end
  if b ~= nil then session = expect(b, "a session") end
  if c ~= nil then metadata = expect(c, "metadata") end
  return some(session), some(metadata), left(request)
end

function calls.response(chunk, name)
  local f = enter(chunk, name)
  local request, response = setmetatable({}, REQUEST), setmetatable({}, RESPONSE)
  local a, b = f(request, response, setmetatable({}, SESSION), setmetatable({}, METADATA), setmetatable({}, SPEC))
  if a == request then a = b end
  if a ~= nil then response = expect(a, "a response") end
  if getmetatable(response) == RESPONSE then return nil end
  return response
end

function calls.virtual(chunk, name)
  local f = enter(chunk, name)
  return (expect(f(setmetatable({}, REQUEST), setmetatable({}, SESSION), setmetatable({}, SPEC)), "an answer"))
end

function calls.event(chunk, name)
  local f = enter(chunk, name)
  f(host.field("event"), setmetatable({}, SPEC))
end

function calls.analytics(chunk, name)
  local f = enter(chunk, name)
  local record = host.field("record")
  local back = f(record)
  if back ~= nil then record = expect(back, "a record") end
  return record
end

return calls
