-- KEYS: a partition's gap, then windows. ARGV: since when all is counted, then of each window: milliseconds of a bucket,
-- how many are kept, how many follow, and these, with what is known to count there. None is lowered. Returns 1, or 0
-- where it is another gap by now.
local taken = 1

local function take()
  taken = taken + 1
  return ARGV[taken]
end

if string.match(redis.call('GET', KEYS[1]) or '', '^%d+') ~= ARGV[1] then
  return 0
end
for i = 2, #KEYS do
  local bucket_ms, buckets = tonumber(take()), tonumber(take())
  for _ = 1, tonumber(take()) do
    local bucket, known = take(), take()
    if tonumber(redis.call('HGET', KEYS[i], bucket) or 0) < tonumber(known) then
      redis.call('HSET', KEYS[i], bucket, known)
    end
  end
  redis.call('PEXPIRE', KEYS[i], (buckets + 2) * bucket_ms)
end
return 1
