-- KEYS of a call: marker, journal. Returns 0 or -1 (lost) or the session's "<turns>:<id>", "" without one.
for i = 1, #KEYS, 2 do
  local marker_key, journal = KEYS[i], KEYS[i + 1]
  local held_by, attempt, keep, horizon = take(), take(), tonumber(take()), tonumber(take())
  local generation, used = take(), {tokens = tonumber(take()), cost_usd = tonumber(take()), runs = 1} -- it ran, or will
  local marker = redis.call('GET', marker_key)
  if stands(marker, 'A', held_by) or stands(marker, 'O', held_by) then
    redis.call('HSET', journal, '@run:' .. attempt, 'ended')
    settle(journal, generation, used, false) -- whoever goes on reserves what it needs then
    if keep > 0 then -- it waits, for how long nobody knows: what waits does not expire
      redis.call('PERSIST', journal)
      redis.call('PERSIST', marker_key)
    else
      redis.call('PEXPIRE', journal, horizon)
    end
    out[#out + 1] = redis.call('HGET', journal, '@session') or ''
  else
    -- Whoever was admitted since must not take this attempt for one that crashed.
    if redis.call('HEXISTS', journal, '@run:' .. attempt) == 1 then
      redis.call('HSET', journal, '@run:' .. attempt, 'ended')
    end
    lost(marker)
  end
end
return out
