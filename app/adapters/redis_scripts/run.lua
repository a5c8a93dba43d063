-- What the scripts of runs share. Each does several calls: their keys, and their arguments, one after the other.
local out, taken = {}, 0

local function take()
  taken = taken + 1
  return ARGV[taken]
end

-- Whether the request stands at this stage, in the hands of this attempt ("<attempt>.<token>:").
local function stands(marker, stage, held_by)
  return marker and string.sub(marker, 1, #held_by + 1) == stage .. held_by
end

-- The attempt may not write: a later one was admitted (0), or nothing is known of the request (-1).
local function lost(marker)
  out[#out + 1] = marker and 0 or -1
end

-- The last turn may be what an attempt left behind that came to no outcome: `own` is how such a turn begins.
local function is_own(turn, own)
  return turn and own ~= '' and string.sub(turn, 1, #own) == own
end

-- How many turns have left a session for want of room: its first turn says so, at its end.
local function gone_before(turn)
  return tonumber(turn and string.match(turn, ',"gone":(%d+)}$') or 0)
end

local function saying_gone(turn, gone)
  return gone == 0 and turn or string.sub(turn, 1, -2) .. ',"gone":' .. gone .. '}'
end
