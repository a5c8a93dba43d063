-- KEYS: a tenant's windows of a month. ARGV: the month, how long to keep them, then what of each is known to count.
-- None is lowered: what runs hold is known here only. Returns what counted before.
local before = {}
for i, key in ipairs(KEYS) do
  before[i] = tonumber(redis.call('HGET', key, ARGV[1]) or 0)
  if before[i] < tonumber(ARGV[i + 2]) then
    redis.call('HSET', key, ARGV[1], ARGV[i + 2])
    redis.call('PEXPIRE', key, ARGV[2])
  end
end
return before
