-- KEYS: ledger, owner. ARGV: position, owner or ''. Returns 1, or 0 where somebody else or nobody owns it.
if ARGV[2] ~= '' and string.match(redis.call('GET', KEYS[2]) or '', '^%d+%.(.*)$') ~= ARGV[2] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
