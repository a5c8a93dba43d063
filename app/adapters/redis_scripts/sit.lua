-- A seat is named by its journal and generation: whose journal does not know of it any more (a version that knows no
-- seats has answered it, or the store lost its last writes) has gone without standing up.
local LOOKED_AT = 16
local key = 0

local function next_key()
  key = key + 1
  return KEYS[key]
end

local function without_the_gone(seats, sit)
  for _, name in ipairs(redis.call('SRANDMEMBER', seats, LOOKED_AT)) do
    local generation, journal = string.match(name, '^(%d+):(.*)$')
    if redis.call('HEXISTS', journal, '@seat:' .. generation) == 0 then
      sit = sit - redis.call('SREM', seats, name)
    end
  end
  return sit
end

local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Workers that wait for a seat there (worker -> '<since>:<asked last>') and came before this one; since when this one
-- waits, if it does, else at the earliest. Who does not ask any more has left the line. streams/policy/caps.py has the same.
local function ahead(line, worker, lasts)
  local others, stored, mine, now, last = {}, redis.call('HGETALL', line), nil, nil, 0
  for j = 1, #stored, 2 do
    now = now or clock()
    local since, asked = string.match(stored[j + 1], '^(%d+):(%d+)$')
    if tonumber(asked) < now - lasts then
      redis.call('HDEL', line, stored[j])
    elseif stored[j] == worker then
      mine = tonumber(since)
    else
      others[#others + 1] = tonumber(since)
      last = math.max(last, tonumber(since))
    end
  end
  local before = 0
  for _, other in ipairs(others) do
    if not mine or other < mine then
      before = before + 1
    end
  end
  return before, mine, last + 1
end

local function stand_in_line(line, worker, mine, behind, lasts)
  local now = clock()
  redis.call('HSET', line, worker, string.format('%.0f:%.0f', mine or math.max(now, behind), now))
  redis.call('PEXPIRE', line, 2 * lasts)
end

local function read_caps(n)
  local caps = {}
  for i = 1, n do
    caps[i] = {seats = next_key(), most = tonumber(take())}
    caps[i].line = take() == '1' and next_key()
  end
  return caps
end

-- The first that has no seat, and how many of its seats are taken, or others' that came before.
local function filled(caps, name, asked)
  for i, cap in ipairs(caps) do
    if redis.call('SISMEMBER', cap.seats, name) == 0 then
      local sit, before, mine, behind = redis.call('SCARD', cap.seats), 0, nil, 0
      if cap.line then
        before, mine, behind = ahead(cap.line, asked.worker, asked.lasts)
      end
      if sit + before >= cap.most then
        sit = without_the_gone(cap.seats, sit)
      end
      if sit + before >= cap.most then
        if cap.line and asked.waits then
          stand_in_line(cap.line, asked.worker, mine, behind, asked.lasts)
        end
        return {i, sit + before}
      end
    end
  end
end

-- In the form that the version before reads, too: {seats, name, further seats, ...}.
local function note_seats(journal, generation, name, caps)
  local packed, benches, there = redis.call('HGET', journal, '@seat:' .. generation), {}, {}
  for i, seats in ipairs(packed and cmsgpack.unpack(packed) or {}) do
    if i ~= 2 then
      benches[#benches + 1], there[seats] = seats, true
    end
  end
  for _, cap in ipairs(caps) do
    if not there[cap.seats] then
      benches[#benches + 1], there[cap.seats] = cap.seats, true
    end
  end
  table.insert(benches, 2, name)
  redis.call('HSET', journal, '@seat:' .. generation, cmsgpack.pack(benches))
end

-- KEYS of a call: marker, journal, then for each cap its seats and, where all tenants share it, its line.
-- Returns 0 or -1 (lost) or {} or {the cap that has no seat, how many are taken}.
while key < #KEYS do
  local marker_key, journal = next_key(), next_key()
  local held_by, generation, horizon = take(), take(), take()
  local asked = {worker = take(), waits = take() == '1', lasts = tonumber(take())}
  local caps = read_caps(tonumber(take()))
  local name = generation .. ':' .. journal
  local marker = redis.call('GET', marker_key)
  if not stands(marker, 'A', held_by) then
    lost(marker)
  else
    local full = filled(caps, name, asked)
    if not full then
      for _, cap in ipairs(caps) do
        redis.call('SADD', cap.seats, name)
        redis.call('PEXPIRE', cap.seats, horizon)
        if cap.line then
          redis.call('HDEL', cap.line, asked.worker)
        end
      end
      note_seats(journal, generation, name, caps)
      redis.call('PEXPIRE', journal, horizon)
    end
    out[#out + 1] = full or {}
  end
end
return out
