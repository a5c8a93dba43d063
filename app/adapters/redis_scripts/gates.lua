-- Windows, as streams/policy/windows.py and holdings.py have them. A window is a hash of bucket -> count. Of a
-- calendar month, which the worker knows, the bucket is the month's number; it has no buckets before it.
-- What a request holds is kept in its journal, for nobody else knows what to give back should its worker die:
-- '@held:<generation>' -> {{key, what, bucket_ms, buckets, {bucket, amount, bucket, amount, ...}}, ...}.
-- '@asked:<generation>' -> {key, bucket, key, bucket, ...}: where a request was counted that may be refused for
-- want of a seat; then it has counted nowhere.
-- '@seat:<generation>' -> {seats, its name there, further seats, ...}: it is one of the runs under way that are
-- counted there.
-- These keys are read from there: all of a deployment's live on one slot.
-- After a loss a partition's gap says since when all is counted: '<ms>', or '<ms>:told' where windows were told what
-- was before; streams/policy/gaps.py has the same.
local windows, gaps, now = {}, {}, nil
local MONTHS_KEPT_MS = 100 * 86400000 -- also the last one, in which what began then is settled
local ASK_AGAIN_MS, UNKNOWN = 5000, -1

local function clock()
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return now
end

local function whole(number)
  return string.format('%.0f', number)
end

local function take_gate(key, take)
  return {
    key = key, limit = tonumber(take()), bucket_ms = tonumber(take()), buckets = tonumber(take()),
    amount = tonumber(take()), what = take(), month = tonumber(take()), ends = tonumber(take()),
    user = tonumber(take()), -- how long its name is, -1 where it is not a user's
  }
end

local function present(gate)
  return gate.month > 0 and gate.month or math.floor(clock() / gate.bucket_ms)
end

local function window_of(gate)
  local window = windows[gate.key]
  if window then
    return window
  end
  window = {used = 0, at = {}}
  windows[gate.key] = window
  if gate.month > 0 then
    window.used = tonumber(redis.call('HGET', gate.key, whole(gate.month)) or 0)
    return window
  end
  local first = math.floor(clock() / gate.bucket_ms) - gate.buckets
  local stored = redis.call('HGETALL', gate.key)
  for j = 1, #stored, 2 do
    local bucket, n = tonumber(stored[j]), tonumber(stored[j + 1])
    if bucket >= first then
      window.used = window.used + n
      window.at[#window.at + 1] = {bucket, n}
    else
      redis.call('HDEL', gate.key, stored[j])
    end
  end
  return window
end

-- Milliseconds until there is room for it: the oldest leave first.
local function room_in(window, gate)
  if gate.month > 0 then
    return gate.ends - clock()
  end
  table.sort(window.at, function(x, y) return x[1] < y[1] end)
  local missing = window.used + gate.amount - gate.limit
  for _, entry in ipairs(window.at) do
    missing = missing - entry[2]
    if missing <= 0 then
      return (entry[1] + gate.buckets + 1) * gate.bucket_ms - clock()
    end
  end
  return (gate.buckets + 1) * gate.bucket_ms
end

local function put(gate, amount)
  local bucket, window = present(gate), windows[gate.key]
  redis.call('HINCRBY', gate.key, whole(bucket), whole(amount))
  redis.call('PEXPIRE', gate.key, gate.month > 0 and MONTHS_KEPT_MS or (gate.buckets + 2) * gate.bucket_ms)
  if window then
    window.used = window.used + amount
    window.at[#window.at + 1] = {bucket, amount}
  end
  return bucket
end

local function gap_at(key)
  if gaps[key] == nil then
    local since, told = string.match(redis.call('GET', key) or '', '^(%d+)(.*)$')
    gaps[key] = since and {since = tonumber(since), told = told ~= ''} or false
  end
  return gaps[key]
end

-- For how long a part of the window lies before the gap; 0: none does.
local function left_of(gap, gate)
  local bucket = gate.month == 0 and math.floor(gap.since / gate.bucket_ms)
  if not bucket or bucket < math.floor(clock() / gate.bucket_ms) - gate.buckets then
    return 0
  end
  return (bucket + gate.buckets + 1) * gate.bucket_ms - clock()
end

-- What a user used before the gap nobody knows; it is no more than what all of them did. Right behind the gap counts
-- what was under way.
local function with_everybodys(window, gate, gap)
  local both, last = {used = window.used, at = {unpack(window.at)}}, math.floor(gap.since / gate.bucket_ms) + 1
  local first = math.floor(clock() / gate.bucket_ms) - gate.buckets
  local stored = redis.call('HGETALL', string.sub(gate.key, 1, -gate.user - 2))
  for j = 1, #stored, 2 do
    local bucket, n = tonumber(stored[j]), tonumber(stored[j + 1])
    if bucket >= first and bucket <= last then
      both.used = both.used + n
      both.at[#both.at + 1] = {bucket, n}
    end
  end
  return both
end

-- Where it is full: what is used there, and in how many milliseconds there is room.
local function full(gate, gap)
  local window, left = window_of(gate), gap and gate.amount > 0 and left_of(gap, gate) or 0
  if left > 0 and not gap.told then
    return UNKNOWN, math.min(left, ASK_AGAIN_MS)
  elseif left > 0 and gate.user >= 0 then
    window = with_everybodys(window, gate, gap)
  end
  if window.used + gate.amount > gate.limit then
    return window.used, room_in(window, gate)
  end
end

-- Counts all, or none: then which opens last, what is used there, and in how many milliseconds.
local function enter(gates, gap)
  local last, used, retry
  for i, gate in ipairs(gates) do
    local count, room = full(gate, gap)
    if count and (not retry or room > retry) then
      last, used, retry = i, count, room
    end
  end
  if last then
    return last, used, retry
  end
  for _, gate in ipairs(gates) do
    gate.bucket = put(gate, gate.amount)
  end
end

local function held_in(journal, generation)
  local packed = redis.call('HGET', journal, '@held:' .. generation)
  return packed and cmsgpack.unpack(packed)
end

local function hold(journal, generation, held)
  if #held > 0 then
    redis.call('HSET', journal, '@held:' .. generation, cmsgpack.pack(held))
  else
    redis.call('HDEL', journal, '@held:' .. generation)
  end
end

-- Adds what was counted at these gates to what is held; requests are counted for good.
local function held_with(held, gates)
  local found = {}
  for _, one in ipairs(held) do
    found[one[1]] = one
  end
  for _, gate in ipairs(gates) do
    if gate.what ~= 'requests' and gate.what ~= 'returned' then
      local one = found[gate.key]
      if not one then
        one = {gate.key, gate.what, gate.bucket_ms, gate.buckets, {}}
        held[#held + 1] = one
        found[gate.key] = one
      end
      local parts = one[5]
      parts[#parts + 1] = gate.bucket
      parts[#parts + 1] = gate.amount
    end
  end
  return held
end

local function taken_back(key, bucket, amount)
  local field = whole(bucket)
  local n = tonumber(redis.call('HGET', key, field) or 0)
  if n > 0 then
    redis.call('HINCRBY', key, field, whole(-math.min(n, amount)))
  end
end

local function note_returned(journal, generation, gates)
  local asked = {}
  for _, gate in ipairs(gates) do
    if gate.what == 'returned' then
      asked[#asked + 1] = gate.key
      asked[#asked + 1] = gate.bucket
    end
  end
  if #asked > 0 then
    redis.call('HSET', journal, '@asked:' .. generation, cmsgpack.pack(asked))
  end
  return #asked > 0
end

local function give_back(journal, generation)
  local packed = redis.call('HGET', journal, '@asked:' .. generation)
  local asked = packed and cmsgpack.unpack(packed) or {}
  for i = 1, #asked, 2 do
    windows[asked[i]] = nil
    taken_back(asked[i], asked[i + 1], 1)
  end
  redis.call('HDEL', journal, '@asked:' .. generation)
end

-- What was used in place of what was reserved: the latest is given back first, what lacks counts now.
local function settle_one(one, used)
  local gate, parts, total = {key = one[1], bucket_ms = one[3], buckets = one[4], month = 0}, one[5], 0
  if gate.buckets == 0 then
    gate.month = parts[#parts - 1] -- what lacks is of the month in which it was reserved last
  end
  for i = 2, #parts, 2 do
    total = total + parts[i]
  end
  local excess, kept = total - used, {}
  windows[gate.key] = nil
  for i = #parts, 2, -2 do
    local back = math.max(0, math.min(parts[i], excess))
    excess = excess - back
    if back > 0 then
      taken_back(gate.key, parts[i - 1], back)
      parts[i] = parts[i] - back
    end
  end
  if excess < 0 then
    parts[#parts + 1] = put(gate, -excess)
    parts[#parts + 1] = -excess
  end
  for i = 2, #parts, 2 do
    if parts[i] > 0 or (gate.month > 0 and i == #parts) then
      kept[#kept + 1] = parts[i - 1]
      kept[#kept + 1] = parts[i]
    end
  end
  one[5] = kept
end

-- The next attempt sits down anew, and whoever waits for a person or for a time needs no seat.
local function stand_up(journal, generation, packed)
  local seat = cmsgpack.unpack(packed)
  redis.call('SREM', seat[1], seat[2])
  for i = 3, #seat do -- the version before knows the first one only, and what it leaves is found to be gone
    redis.call('SREM', seat[i], seat[2])
  end
  redis.call('HDEL', journal, '@seat:' .. generation)
end

-- `used`: {tokens = n, cost_usd = n, runs = n}. `over`: nothing more will be used.
local function settle(journal, generation, used, over)
  local kept = redis.call('HMGET', journal, '@held:' .. generation, '@seat:' .. generation)
  if kept[2] then
    stand_up(journal, generation, kept[2])
  end
  if not kept[1] then
    return
  end
  local held = cmsgpack.unpack(kept[1])
  for _, one in ipairs(held) do
    settle_one(one, used[one[2]] or 0)
  end
  hold(journal, generation, over and {} or held)
end
