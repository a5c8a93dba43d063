-- KEYS of a call: marker, journal. Returns 0 or -1 (lost) or 1.
-- `version`: the attempt opens with this write ("" when it has begun).
local MOST_AT_ONCE = 1000 -- Lua hands on only so many values in one call

local function in_parts(command, journal, count)
  local last = taken + count
  while taken < last do
    local upto = math.min(taken + MOST_AT_ONCE, last)
    redis.call(command, journal, unpack(ARGV, taken + 1, upto))
    taken = upto
  end
end

for i = 1, #KEYS, 2 do
  local marker_key, journal = KEYS[i], KEYS[i + 1]
  local held_by, horizon, turns_out = take(), take(), tonumber(take())
  local version, attempt = take(), take()
  local added, removed = tonumber(take()), tonumber(take())
  local marker = redis.call('GET', marker_key)
  if stands(marker, 'A', held_by) then
    if version ~= '' then
      redis.call('HSETNX', journal, '@version', version)
      redis.call('HSETNX', journal, '@run:' .. attempt, 'begun')
    end
    in_parts('HSET', journal, 2 * added)
    in_parts('HDEL', journal, removed)
    if turns_out > 0 and turns_out > tonumber(redis.call('HGET', journal, '@out') or 0) then
      redis.call('HSET', journal, '@out', turns_out)
    end
    redis.call('PEXPIRE', journal, horizon)
    out[#out + 1] = 1
  else
    taken = taken + 2 * added + removed
    lost(marker)
  end
end
return out
