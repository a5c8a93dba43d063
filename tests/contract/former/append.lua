local last = redis.call('LINDEX', KEYS[1], -1)
if last and cjson.decode(last)['request_id'] == ARGV[1] then
  redis.call('LSET', KEYS[1], -1, ARGV[2])
else
  redis.call('RPUSH', KEYS[1], ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('LLEN', KEYS[1])
