-- KEYS: a partition's gap. ARGV: since when all is counted. Returns 1, or 0 where it is another gap by now.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1] .. ':told', 'KEEPTTL')
return 1
