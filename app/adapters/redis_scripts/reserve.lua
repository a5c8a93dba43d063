-- KEYS of a call: marker, journal, gap, then the windows of its gates. A gate's amount is what the run is to hold there in
-- all. Returns 0 or -1 (lost) or {} or {the gate that opens last, used there, milliseconds until it opens, what lacks}.
local key = 0

local function next_key()
  key = key + 1
  return KEYS[key]
end

local function read_gates(n)
  local gates = {}
  for i = 1, n do
    gates[i] = take_gate(next_key(), take)
    gates[i].number = i
  end
  return gates
end

-- What has left its window and was not used is of no use any more: it is asked for again.
local function lacking(gates, held, used)
  local totals, found, asked = {}, {}, {}
  for _, gate in ipairs(gates) do
    asked[gate.key] = gate
  end
  for _, one in ipairs(held) do
    local gate, inside, outside = asked[one[1]], 0, 0
    local first = gate and present(gate) - gate.buckets or 0
    for i = 2, #one[5], 2 do
      if one[5][i - 1] == first or (one[4] > 0 and one[5][i - 1] > first) then
        inside = inside + one[5][i]
      else
        outside = outside + one[5][i]
      end
    end
    totals[one[1]] = inside + math.min(outside, used[one[2]] or 0)
  end
  for _, gate in ipairs(gates) do
    gate.amount = gate.amount - (totals[gate.key] or 0)
    if gate.amount > 0 then
      found[#found + 1] = gate
    end
  end
  return found
end

while key < #KEYS do
  local marker_key, journal, gap_key = next_key(), next_key(), next_key()
  local held_by, generation, horizon = take(), take(), take()
  local used = {tokens = tonumber(take()), cost_usd = tonumber(take()), runs = 1}
  local gates = read_gates(tonumber(take()))
  local marker = redis.call('GET', marker_key)
  if stands(marker, 'A', held_by) then
    local held = held_in(journal, generation) or {}
    local wanted = lacking(gates, held, used)
    local closed, used, retry = enter(wanted, gap_at(gap_key))
    if closed then
      out[#out + 1] = {wanted[closed].number, used, retry, wanted[closed].amount}
    else
      hold(journal, generation, held_with(held, wanted))
      redis.call('PEXPIRE', journal, horizon)
      out[#out + 1] = {}
    end
  else
    lost(marker)
  end
end
return out
