-- KEYS: one key. ARGV: 'list' or 'hash', a position or a field, what stands there, what is to stand there instead.
-- Returns 1, or 0 where something else stands there by now.
local get, set = 'HGET', 'HSET'
if ARGV[1] == 'list' then
  get, set = 'LINDEX', 'LSET'
end
if redis.call(get, KEYS[1], ARGV[2]) ~= ARGV[3] then
  return 0
end
redis.call(set, KEYS[1], ARGV[2], ARGV[4])
return 1
