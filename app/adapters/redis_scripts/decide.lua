-- KEYS of a call: marker, journal, session. Returns 0 or -1 (lost) or 1.
for i = 1, #KEYS, 3 do
  local marker_key, journal, session = KEYS[i], KEYS[i + 1], KEYS[i + 2]
  local held_by, attempt, generation, horizon = take(), take(), take(), take()
  local outcome, turn, own, session_ttl = take(), take(), take(), take()
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
    if turn ~= '' and redis.call('HEXISTS', journal, '@session') == 1 then -- else it was deleted since
      if is_own(redis.call('LINDEX', session, -1), own) then
        redis.call('LSET', session, -1, turn)
      else
        redis.call('RPUSH', session, turn)
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
