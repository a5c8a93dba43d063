local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local horizon = ARGV[1]
local out, windows = {}, {}
-- All or nothing: what is admitted here and asked again because another's ledger is lost would count twice.
local lost = false
for i = 1, #KEYS / 3 do
  local known = tonumber(redis.call('GET', KEYS[3 * i]) or -1) >= tonumber(ARGV[5 * i + 1])
  lost = lost or not known
  out[#out + 1] = known and 0 or 4
  out[#out + 1] = 0
  out[#out + 1] = 0
end
if lost then
  return out
end
out = {}
for i = 1, #KEYS / 3 do
  local marker_key, window_key = KEYS[3 * i - 2], KEYS[3 * i - 1]
  local sha, limit = ARGV[5 * i - 3], tonumber(ARGV[5 * i - 2])
  local bucket_ms, buckets = tonumber(ARGV[5 * i - 1]), tonumber(ARGV[5 * i])
  local code, a, b = 0, 1, 0
  local marker = redis.call('GET', marker_key)
  if marker then
    local colon = string.find(marker, ':', 1, true)
    if string.sub(marker, colon + 1) ~= sha then
      code = 2
    elseif string.sub(marker, 1, 1) == 'D' then
      code = 1
    else
      a = tonumber(string.sub(marker, 2, colon - 1)) + 1
      redis.call('SET', marker_key, 'A' .. a .. ':' .. sha, 'PX', horizon)
    end
  else
    if limit >= 0 then
      local window = windows[window_key]
      local present = math.floor(now / bucket_ms)
      if not window then
        window = {used = 0, at = {}}
        local stored = redis.call('HGETALL', window_key)
        for j = 1, #stored, 2 do
          local bucket, n = tonumber(stored[j]), tonumber(stored[j + 1])
          if bucket >= present - buckets then
            window.used = window.used + n
            window.at[#window.at + 1] = {bucket, n}
          else
            redis.call('HDEL', window_key, stored[j])
          end
        end
        windows[window_key] = window
      end
      if window.used + 1 > limit then
        code, a = 3, window.used
        table.sort(window.at, function(x, y) return x[1] < y[1] end)
        local missing = window.used + 1 - limit
        b = (buckets + 1) * bucket_ms
        for _, entry in ipairs(window.at) do
          missing = missing - entry[2]
          if missing <= 0 then
            b = (entry[1] + buckets + 1) * bucket_ms - now
            break
          end
        end
      else
        redis.call('HINCRBY', window_key, string.format('%d', present), 1)
        redis.call('PEXPIRE', window_key, (buckets + 2) * bucket_ms)
        window.used = window.used + 1
        window.at[#window.at + 1] = {present, 1}
      end
    end
    if code == 0 then
      redis.call('SET', marker_key, 'A1:' .. sha, 'PX', horizon)
    end
  end
  out[#out + 1] = code
  out[#out + 1] = a
  out[#out + 1] = b
end
return out
