-- KEYS of a call: a key that is to live at least that long; one that is gone stays gone. Returns 1.
for i = 1, #KEYS do
  local keep = tonumber(take())
  local left = redis.call('PTTL', KEYS[i])
  if left >= 0 and left < keep then
    redis.call('PEXPIRE', KEYS[i], keep)
  end
  out[#out + 1] = 1
end
return out
