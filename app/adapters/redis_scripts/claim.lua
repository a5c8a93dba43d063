-- KEYS of a claim: marker, window, ledger, journal, owner. Returns {code, a, b} of each, flat: 0 admitted as
-- attempt a, 1 duplicate, 2 conflict, 3 refused (a used, room in b ms), 4 the ledger is lost, 5 decided (a is the
-- outcome), 6 the partition is another owner's.
-- A window is a hash of bucket -> count.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local horizon = ARGV[1]
local claims = #KEYS / 5
local out, windows = {}, {}

local function reply(code, a, b)
  out[#out + 1] = code
  out[#out + 1] = a
  out[#out + 1] = b
end

local function admit(key, attempt, token, sha)
  local holder = token == '' and '' or '.' .. token
  redis.call('SET', key, 'A' .. attempt .. holder .. ':' .. sha, 'PX', horizon)
  reply(0, tonumber(attempt), 0)
end

local function again(marker, claim)
  local stage, attempt, holder, sha = string.match(marker, '^(%a)(%d*)%.?(%d*):(.*)$')
  if sha ~= claim.sha then
    return reply(2, 0, 0)
  elseif stage == 'D' then
    return reply(1, 0, 0)
  elseif stage == 'O' then
    local outcome = redis.call('HGET', claim.journal, '@outcome:' .. claim.generation)
    if outcome then
      return reply(5, outcome, 0)
    end
  elseif holder ~= '' and holder == claim.token then
    return reply(0, tonumber(attempt), 0) -- it asks again
  end
  return admit(claim.marker, tonumber(attempt) + 1, claim.token, claim.sha)
end

local function window_read(key, buckets, present)
  local window = {used = 0, at = {}}
  local stored = redis.call('HGETALL', key)
  for j = 1, #stored, 2 do
    local bucket, n = tonumber(stored[j]), tonumber(stored[j + 1])
    if bucket >= present - buckets then
      window.used = window.used + n
      window.at[#window.at + 1] = {bucket, n}
    else
      redis.call('HDEL', key, stored[j])
    end
  end
  return window
end

-- Milliseconds until there is room for one more: the oldest leave first.
local function room_in(window, claim)
  table.sort(window.at, function(x, y) return x[1] < y[1] end)
  local missing = window.used + 1 - claim.limit
  for _, entry in ipairs(window.at) do
    missing = missing - entry[2]
    if missing <= 0 then
      return (entry[1] + claim.buckets + 1) * claim.bucket_ms - now
    end
  end
  return (claim.buckets + 1) * claim.bucket_ms
end

-- Whether there was room, and then it is counted.
local function count(claim)
  local present = math.floor(now / claim.bucket_ms)
  local window = windows[claim.window] or window_read(claim.window, claim.buckets, present)
  windows[claim.window] = window
  if window.used + 1 > claim.limit then
    reply(3, window.used, room_in(window, claim))
    return false
  end
  redis.call('HINCRBY', claim.window, string.format('%d', present), 1)
  redis.call('PEXPIRE', claim.window, (claim.buckets + 2) * claim.bucket_ms)
  window.used = window.used + 1
  window.at[#window.at + 1] = {present, 1}
  return true
end

-- All or nothing: what is admitted here and asked again because another's ledger is lost would count twice.
local lost = false
for i = 1, claims do
  local owner = ARGV[9 * i]
  local known = tonumber(redis.call('GET', KEYS[5 * i - 2]) or -1) >= tonumber(ARGV[9 * i - 3])
    and (owner == '' or redis.call('EXISTS', KEYS[5 * i]) == 1)
  lost = lost or not known
  reply(known and 0 or 4, 0, 0)
end
if lost then
  return out
end

out = {}
for i = 1, claims do
  local k, v = 5 * i - 4, 9 * i - 7
  local claim = {
    marker = KEYS[k], window = KEYS[k + 1], journal = KEYS[k + 3],
    sha = ARGV[v], limit = tonumber(ARGV[v + 1]), bucket_ms = tonumber(ARGV[v + 2]),
    buckets = tonumber(ARGV[v + 3]), token = ARGV[v + 5], generation = ARGV[v + 6],
  }
  local owner = ARGV[v + 7]
  local marker = redis.call('GET', claim.marker)
  if owner ~= '' and string.match(redis.call('GET', KEYS[k + 4]), '^%d+%.(.*)$') ~= owner then
    reply(6, 0, 0) -- whoever asks was frozen, and does not know yet that it owns nothing any more
  elseif marker then
    again(marker, claim)
  elseif claim.limit < 0 or count(claim) then
    admit(claim.marker, ARGV[v + 8], claim.token, claim.sha)
  end
end
return out
