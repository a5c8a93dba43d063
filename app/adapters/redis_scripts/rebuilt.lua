-- KEYS: ledger, owner, and the partition's gap, where this is to be noted. ARGV: position, owner or '', 1 where this
-- worker knew it to be remembered, for how long a gap is noted. Returns 1, or 0 where somebody else or nobody owns it.
if ARGV[2] ~= '' and string.match(redis.call('GET', KEYS[2]) or '', '^%d+%.(.*)$') ~= ARGV[2] then
  return 0
end
-- A position that is gone is gone with everything else. Of what was never answered nothing is missing, either.
local lost = KEYS[3] and redis.call('EXISTS', KEYS[1]) == 0
if lost and (tonumber(ARGV[1]) > 0 or ARGV[3] == '1') then
  local time = redis.call('TIME')
  redis.call('SET', KEYS[3], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), 'PX', ARGV[4])
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
