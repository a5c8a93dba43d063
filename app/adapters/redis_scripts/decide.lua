-- KEYS of a call: marker, journal, session. Returns 0 or -1 (lost) or 1.
-- The oldest turns leave a session that is too large; the newest stays, however large it is.
local function shorten(session, most)
  local turns = redis.call('LRANGE', session, 0, -1)
  local size, leaving = 0, 0
  for _, turn in ipairs(turns) do
    size = size + #turn
  end
  while size > most and leaving < #turns - 1 do
    leaving = leaving + 1
    size = size - #turns[leaving]
  end
  if leaving > 0 then
    redis.call('LTRIM', session, leaving, -1)
    redis.call('LSET', session, 0, saying_gone(turns[leaving + 1], gone_before(turns[1]) + leaving))
  end
end

for i = 1, #KEYS, 3 do
  local marker_key, journal, session = KEYS[i], KEYS[i + 1], KEYS[i + 2]
  local held_by, attempt, generation, horizon = take(), take(), take(), take()
  local outcome, turn, own, session_ttl, most = take(), take(), take(), take(), tonumber(take())
  local used = {tokens = tonumber(take()), cost_usd = tonumber(take()), runs = tonumber(take())}
  local counted = take() == '1'
  local marker = redis.call('GET', marker_key)
  if stands(marker, 'A', held_by) then
    redis.call('SET', marker_key, 'O' .. string.sub(marker, 2), 'PX', horizon)
    redis.call('HSET', journal, '@outcome:' .. generation, outcome, '@run:' .. attempt, 'ended')
    settle(journal, generation, used, true)
    if not counted then
      give_back(journal, generation)
    end
    redis.call('PEXPIRE', journal, horizon)
    local known = turn ~= '' and redis.call('HGET', journal, '@session')
    if known then -- else it was deleted since
      local last = redis.call('LINDEX', session, -1)
      if is_own(last, own) then
        redis.call('LSET', session, -1, saying_gone(turn, gone_before(last)))
      else
        redis.call('RPUSH', session, turn)
      end
      -- Nobody adds to it while its run is under way, other than while a replay waited.
      local before = generation == '0' and tonumber(string.match(known, '^%d+~%d+~(%d+)')) or most
      if before + #turn > most then
        shorten(session, most)
      end
      redis.call('PEXPIRE', session, session_ttl)
    end
    out[#out + 1] = 1
  elseif stands(marker, 'O', held_by) then
    out[#out + 1] = 1
  else
    lost(marker)
  end
end
return out
