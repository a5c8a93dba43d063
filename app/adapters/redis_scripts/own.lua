-- KEYS: owners of partitions. ARGV: generation of the group, owner, 1 to take it in any case. Returns those that
-- a later generation owns, counted from 1.
local generation, owner, forced = tonumber(ARGV[1]), ARGV[2], ARGV[3] == '1'
local refused = {}
for i, key in ipairs(KEYS) do
  local held = tonumber(string.match(redis.call('GET', key) or '', '^%d+') or -1)
  if forced or held <= generation then
    redis.call('SET', key, ARGV[1] .. '.' .. owner)
  else
    refused[#refused + 1] = i
  end
end
return refused
