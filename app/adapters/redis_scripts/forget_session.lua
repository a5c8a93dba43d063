-- KEYS: a session, then the journals of its requests. Returns {turns that are gone, journals}.
-- Of a journal that is not over what its request holds and how its attempts went is kept: nobody else would know.
-- Without '@session' what its run would add to the session is not added any more (`decide.lua`).
local turns = redis.call('LLEN', KEYS[1])
redis.call('UNLINK', KEYS[1])
for i = 2, #KEYS do
  local kept = 0
  for _, name in ipairs(redis.call('HKEYS', KEYS[i])) do
    if string.sub(name, 1, 1) ~= '@' or name == '@session' then
      redis.call('HDEL', KEYS[i], name)
    elseif name ~= '@version' then
      kept = kept + 1
    end
  end
  if kept == 0 then
    redis.call('UNLINK', KEYS[i])
  end
end
return {turns, #KEYS - 1}
