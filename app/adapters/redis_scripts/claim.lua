-- KEYS of a claim: marker, ledger, journal, owner, gap, and the windows of its gates. Returns {code, a, b, c} of each,
-- flat: 0 admitted as attempt a, 1 duplicate, 2 conflict, 3 refused by gate a (b used, room in c ms), 4 the ledger
-- is lost, 5 decided (a is the outcome), 6 the partition is another owner's.
local horizon, claims = ARGV[1], tonumber(ARGV[2])
local out, taken, key = {}, 2, 0

local function take()
  taken = taken + 1
  return ARGV[taken]
end

local function next_key()
  key = key + 1
  return KEYS[key]
end

local function reply(code, a, b, c)
  local n = #out
  out[n + 1], out[n + 2], out[n + 3], out[n + 4] = code, a or 0, b or 0, c or 0
end

local function read_claim()
  local claim = {
    marker = next_key(), ledger = next_key(), journal = next_key(), owned = next_key(), gap = next_key(),
    sha = take(), known = tonumber(take()), token = take(), generation = take(), owner = take(),
    first = take(), gates = {},
  }
  for i = 1, tonumber(take()) do
    claim.gates[i] = take_gate(next_key(), take)
  end
  return claim
end

local function admit(claim, attempt)
  local holder = claim.token == '' and '' or '.' .. claim.token
  redis.call('SET', claim.marker, 'A' .. attempt .. holder .. ':' .. claim.sha, 'PX', horizon)
  reply(0, tonumber(attempt))
end

local function again(marker, claim)
  local stage, attempt, holder, sha = string.match(marker, '^(%a)(%d*)%.?(%d*):(.*)$')
  if sha ~= claim.sha then
    return reply(2)
  elseif stage == 'D' then
    return reply(1)
  elseif stage == 'O' then
    local outcome = redis.call('HGET', claim.journal, '@outcome:' .. claim.generation)
    if outcome then -- it may have to wait for its key or its database: what waits does not expire
      redis.call('PEXPIRE', claim.marker, horizon)
      redis.call('PEXPIRE', claim.journal, horizon)
      return reply(5, outcome)
    end
  elseif holder ~= '' and holder == claim.token then
    return reply(0, tonumber(attempt)) -- it asks again
  end
  local seat = redis.call('HGET', claim.journal, '@seat:' .. claim.generation)
  if seat then
    stand_up(claim.journal, claim.generation, seat) -- the attempt before is dead, or will find that it may not write
  end
  return admit(claim, tonumber(attempt) + 1)
end

-- What it reserves is noted in the same step: whoever is admitted to it next has that, and need not ask for it.
local function pass(claim)
  local closed, used, retry = enter(claim.gates, #claim.gates > 0 and gap_at(claim.gap))
  if closed then
    return reply(3, closed, used, retry)
  end
  local held = held_with({}, claim.gates)
  if #held > 0 then
    hold(claim.journal, claim.generation, held)
  end
  if note_returned(claim.journal, claim.generation, claim.gates) or #held > 0 then
    redis.call('PEXPIRE', claim.journal, horizon)
  end
  admit(claim, claim.first)
end

-- All or nothing: what is admitted here and asked again because another's ledger is lost would count twice.
local asked, lost = {}, false
for i = 1, claims do
  local claim = read_claim()
  claim.owned = claim.owner ~= '' and redis.call('GET', claim.owned)
  local known = tonumber(redis.call('GET', claim.ledger) or -1) >= claim.known and (claim.owner == '' or claim.owned)
  asked[i], lost = claim, lost or not known
  reply(known and 0 or 4)
end
if lost then
  return out
end

out = {}
for _, claim in ipairs(asked) do
  local marker = redis.call('GET', claim.marker)
  if claim.owned and string.match(claim.owned, '^%d+%.(.*)$') ~= claim.owner then
    reply(6) -- whoever asks was frozen, and does not know yet that it owns nothing any more
  elseif marker then
    again(marker, claim)
  else
    pass(claim)
  end
end
return out
