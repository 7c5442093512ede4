-- Patterns on subjects that may take long: those go to Rust, which looks at the clock (pattern.rs). All others stay with
-- the functions of C, which are faster. `host` is Rust's side: find(subject, pattern, start, anchors).
local host = ...

local type, select, tonumber, tostring, error = type, select, tonumber, tostring, error
local byte, sub, concat = string.byte, string.sub, table.concat
local c_find, c_match, c_gmatch, c_gsub = string.find, string.match, string.gmatch, string.gsub
local find = host.find

-- How long a subject the functions of C get, by what may repeat in the pattern: the work grows with that power.
local MOST = { [0] = 1e6, 1000, 100, 32, 16 }
-- Limits of patterns that were used, as many as these at most.
local KNOWN, limits, count = 500, {}, 0

local function limit(pattern)
  local known = limits[pattern]
  if known then return known end
  local _, repeats = c_gsub(pattern, "[*+%-?]", "")
  local _, more = c_gsub(pattern, "%%[bf1-9]", "")
  known = #pattern <= 200 and MOST[repeats + more] or 8
  if count == KNOWN then limits, count = {}, 0 end
  limits[pattern], count = known, count + 1
  return known
end

-- Numbers are short texts, and what is no text at all is left for C, which says so.
local function is_long(subject, pattern)
  return type(subject) == "string" and type(pattern) == "string" and #subject > limit(pattern)
end

local function first(init, length)
  init = tonumber(init) or 1
  init = init < 0 and init + length + 1 or init
  return init < 1 and 1 or init > length + 1 and length + 1 or init - init % 1
end

-- Errors are to be texts that name the script's line.
local function checked(from, ...)
  if from == false then error((...), 4) end
  return from, ...
end

local function search(subject, pattern, at, anchors) return checked(find(subject, pattern, at, anchors)) end

local function captured(subject, from, to, ...)
  if from == nil then return nil end
  if select("#", ...) == 0 then return sub(subject, from, to) end
  return ...
end

function string.find(subject, pattern, init, plain)
  if plain or not is_long(subject, pattern) or not c_find(pattern, "[%^$*+?.(%[%%%-]") then
    return c_find(subject, pattern, init, plain)
  end
  return search(subject, pattern, first(init, #subject), true)
end

function string.match(subject, pattern, init)
  if not is_long(subject, pattern) then return c_match(subject, pattern, init) end
  return captured(subject, search(subject, pattern, first(init, #subject), true))
end

function string.gmatch(subject, pattern)
  if not is_long(subject, pattern) then return c_gmatch(subject, pattern) end
  local at = 1
  local function step(from, to, ...)
    at = from == nil and #subject + 2 or to < from and from + 1 or to + 1
    return captured(subject, from, to, ...)
  end
  return function()
    if at > #subject + 1 then return nil end
    -- `^` is no anchor here.
    return step(search(subject, pattern, at, false))
  end
end

-- What stands in the place of a match.
local function replacement(by, subject, from, to, ...)
  local whole = sub(subject, from, to)
  local some = select("#", ...)
  local head = whole
  if some > 0 then head = (...) end
  local value
  if type(by) == "table" then
    value = by[head]
  elseif type(by) == "function" then
    if some > 0 then value = by(...) else value = by(whole) end
  else
    local captures = { ... }
    return (c_gsub(by, "%%(.?)", function(what)
      if what == "0" then return whole end
      local index = tonumber(what)
      -- LuaJIT reads on where the text has ended.
      if not index then return what == "" and "\0" or what end
      if index == 1 then return tostring(head) end
      if index > some then error("invalid capture index", 4) end
      return tostring(captures[index])
    end))
  end
  if not value then return whole end
  if type(value) ~= "string" and type(value) ~= "number" then
    error("invalid replacement value (a " .. type(value) .. ")", 3)
  end
  return tostring(value)
end

function string.gsub(subject, pattern, by, most)
  local kind = type(by)
  local known = kind == "string" or kind == "number" or kind == "table" or kind == "function"
  if not known or not is_long(subject, pattern) then return c_gsub(subject, pattern, by, most) end
  most = tonumber(most) or #subject + 1
  if kind == "number" then by = tostring(by) end
  local parts, done, at = {}, 0, 1
  local function put(from, to, ...)
    if from == nil then return false end
    parts[#parts + 1] = sub(subject, at, from - 1)
    parts[#parts + 1] = replacement(by, subject, from, to, ...)
    done, at = done + 1, to + 1
    if to < from then
      -- Of nothing: the byte behind it goes on as it is.
      parts[#parts + 1] = sub(subject, from, from)
      at = from + 1
    end
    return true
  end
  local anchored = byte(pattern, 1) == 94
  while done < most and at <= #subject + 1 and put(search(subject, pattern, at, true)) and not anchored do end
  parts[#parts + 1] = sub(subject, at)
  return concat(parts), done
end
