-- KEYS of a call: marker, journal, session. Returns 0 or -1 (lost) or {fields of the journal, turns read, turns}.
local function session_read(journal, session, session_id, own)
  if session_id == '' then
    return 0, {}
  end
  local known = redis.call('HGET', journal, '@session')
  if known then
    local read, gone = string.match(known, '^(%d+)~?(%d*)')
    local since = gone_before(redis.call('LINDEX', session, 0)) - (tonumber(gone) or 0)
    read = tonumber(read)
    if since < 0 or since >= read then -- another session by now, or all of it has left
      return read, {}
    end
    return read, redis.call('LRANGE', session, 0, read - since - 1)
  end
  local turns = redis.call('LRANGE', session, 0, -1)
  if is_own(turns[#turns], own) then
    turns[#turns] = nil
  end
  local size = 0
  for _, turn in ipairs(turns) do
    size = size + #turn
  end
  -- Turns that it reads, those that had left before them, and how large the session is.
  local read = #turns .. '~' .. gone_before(turns[1]) .. '~' .. size
  redis.call('HSET', journal, '@session', read .. ':' .. session_id)
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
