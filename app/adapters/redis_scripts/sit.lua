-- A seat is named by its journal and generation: whose journal does not know of it any more (a version that knows no
-- seats has answered it, or the store lost its last writes) has gone without standing up.
local LOOKED_AT = 16

local function without_the_gone(seats, sit)
  for _, name in ipairs(redis.call('SRANDMEMBER', seats, LOOKED_AT)) do
    local generation, journal = string.match(name, '^(%d+):(.*)$')
    if redis.call('HEXISTS', journal, '@seat:' .. generation) == 0 then
      sit = sit - redis.call('SREM', seats, name)
    end
  end
  return sit
end

-- KEYS of a call: marker, journal, the tenant's seats. Returns 0 or -1 (lost) or {} or {how many sit}.
for i = 1, #KEYS, 3 do
  local marker_key, journal, seats = KEYS[i], KEYS[i + 1], KEYS[i + 2]
  local held_by, generation, horizon, most = take(), take(), take(), tonumber(take())
  local name = generation .. ':' .. journal
  local marker = redis.call('GET', marker_key)
  if not stands(marker, 'A', held_by) then
    lost(marker)
  elseif redis.call('SISMEMBER', seats, name) == 1 then
    out[#out + 1] = {}
  else
    local sit = redis.call('SCARD', seats)
    if sit >= most then
      sit = without_the_gone(seats, sit)
    end
    if sit >= most then
      out[#out + 1] = {sit}
    else
      redis.call('SADD', seats, name)
      redis.call('PEXPIRE', seats, horizon)
      redis.call('HSET', journal, '@seat:' .. generation, cmsgpack.pack({seats, name}))
      redis.call('PEXPIRE', journal, horizon)
      out[#out + 1] = {}
    end
  end
end
return out
