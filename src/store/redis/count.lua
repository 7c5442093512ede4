-- Counts one after the other; the first that does not pass ends it, and the rest is not counted.
-- KEYS: one per count. ARGV: four per count: kind, then what `arguments` in count.rs says of it.
-- Returns three numbers per count that was made: passed, value, and the third, which count.rs reads by kind.

-- Two requests of one nanosecond would be one member of the log: the later one moves on.
local function later(moment)
  local tail = (tonumber(string.sub(moment, -9)) + 1) % 1000000000
  return string.sub(moment, 1, -10) .. string.format('%09d', tail)
end

local function rolling(key, now, per, limit, from)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', from)
  local value = redis.call('ZCARD', key)
  local member = now
  while redis.call('ZADD', key, 'NX', now, member) == 0 do
    member = later(member)
  end
  redis.call('EXPIRE', key, per)
  local first = '0'
  if value >= limit then
    local place = -math.max(limit, 1)
    first = redis.call('ZRANGE', key, place, place)[1] or '0'
  end
  return value < limit, value, first
end

local function flag(key)
  local left = redis.call('PTTL', key)
  return left == -2, 0, left
end

local function window(key, rest, limit)
  local value = redis.call('INCR', key)
  if value == 1 then
    redis.call('PEXPIRE', key, rest)
  end
  return value <= limit, value, rest
end

local function quota(key, renewal, limit)
  local left = redis.call('PTTL', key)
  if left < 0 and renewal > 0 then
    redis.call('SET', key, 1, 'EX', renewal)
    return 1 <= limit, 1, renewal * 1000
  end
  local value = redis.call('INCR', key)
  return value <= limit, value, left
end

-- The number was made by an INCR that expected it to be there: it still needs its expiry.
local function renewed(key, renewal)
  local left = redis.call('PTTL', key)
  if left == -1 then
    redis.call('EXPIRE', key, renewal)
    left = renewal * 1000
  end
  return true, 0, left
end

local out = {}
for i, key in ipairs(KEYS) do
  local kind, a, b, c = ARGV[i * 4 - 3], ARGV[i * 4 - 2], ARGV[i * 4 - 1], ARGV[i * 4]
  local passed, value, third
  if kind == 'rolling' then
    local now, from = string.match(a, '^(%d+),(%d+)$')
    passed, value, third = rolling(key, now, tonumber(b), tonumber(c), from)
  elseif kind == 'flag' then
    passed, value, third = flag(key)
  elseif kind == 'window' then
    passed, value, third = window(key, tonumber(a), tonumber(b))
  elseif kind == 'quota' then
    passed, value, third = quota(key, tonumber(a), tonumber(b))
  else
    passed, value, third = renewed(key, tonumber(a))
  end
  table.insert(out, passed and 1 or 0)
  table.insert(out, value)
  table.insert(out, third)
  if not passed then
    break
  end
end
return out
