-- KEYS: the markers of `n` answered requests, their journals, then ledgers.
local horizon, n = ARGV[1], tonumber(ARGV[2])

-- For a replay what was paid is kept, and what its first attempt read; an answer that is remembered again does
-- not touch the replay that runs now.
local function close(journal, generation, replayable)
  local known = redis.call('HMGET', journal, '@generation', '@held:' .. generation, '@seat:' .. generation)
  if known[2] or known[3] then
    settle(journal, generation, {}, true) -- it was never begun: all of it is given back
  end
  if tonumber(known[1] or 0) > tonumber(generation) then
    return
  end
  if not replayable then
    redis.call('UNLINK', journal)
    return
  end
  for _, name in ipairs(redis.call('HKEYS', journal)) do
    if string.sub(name, 1, 1) == '@' and name ~= '@session' and name ~= '@version' then
      redis.call('HDEL', journal, name)
    end
  end
  redis.call('PEXPIRE', journal, horizon)
end

for i = 1, n do
  redis.call('SET', KEYS[i], 'D:' .. ARGV[3 * i], 'PX', horizon)
  close(KEYS[n + i], ARGV[3 * i + 1], ARGV[3 * i + 2] == '1')
end

-- A shelf's position moves on only from where this worker left it: of a Redis that was emptied, or came back
-- without its last writes, what stands in between is not remembered.
for i = 1, #KEYS - 2 * n do
  local key = KEYS[2 * n + i]
  local from, to = tonumber(ARGV[3 * n + 2 * i + 1]), tonumber(ARGV[3 * n + 2 * i + 2])
  local known = tonumber(redis.call('GET', key) or -1)
  if known >= from and known < to then
    redis.call('SET', key, to)
  end
end
return n
