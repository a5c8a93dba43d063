-- KEYS of a call: marker, journal, session. Returns 0 or -1 (lost) or {fields of the journal, turns read, turns}.
local function session_read(journal, session, session_id, own)
  if session_id == '' then
    return 0, {}
  end
  local known = redis.call('HGET', journal, '@session')
  if known then
    local read = tonumber(string.match(known, '^%d+'))
    return read, read > 0 and redis.call('LRANGE', session, 0, read - 1) or {}
  end
  local turns = redis.call('LRANGE', session, 0, -1)
  if is_own(turns[#turns], own) then
    turns[#turns] = nil
  end
  redis.call('HSET', journal, '@session', #turns .. ':' .. session_id)
  return #turns, turns
end

for i = 1, #KEYS, 3 do
  local marker_key, journal, session = KEYS[i], KEYS[i + 1], KEYS[i + 2]
  local held_by, attempt, generation, horizon = take(), take(), tonumber(take()), take()
  local version, session_id, own = take(), take(), take()
  local marker = redis.call('GET', marker_key)
  if stands(marker, 'A', held_by) then
    redis.call('HSETNX', journal, '@version', version)
    redis.call('HSET', journal, '@run:' .. attempt, 'begun')
    if generation > tonumber(redis.call('HGET', journal, '@generation') or 0) then
      redis.call('HSET', journal, '@generation', generation)
    end
    local read, turns = session_read(journal, session, session_id, own)
    redis.call('PEXPIRE', journal, horizon)
    out[#out + 1] = {redis.call('HGETALL', journal), read, turns}
  else
    lost(marker)
  end
end
return out
