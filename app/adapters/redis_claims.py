"""Claims and windows in Redis: one script call decides a whole batch, on Redis' own clock.

All keys of a deployment share one hash tag, so they live on one slot: a Redis Cluster works, as one node.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import redis.asyncio as redis
from redis.exceptions import NoScriptError, RedisError

from schemas.failures import Code
from streams.flow import Admit, Answered, Conflict, Duplicate, Refuse, Verdict
from streams.policy.windows import Window
from streams.ports import Claim, LedgerLost, Shelf, StoreUnavailable

MOST_IN_ONE_CALL = 128  # bounds how long one script call holds Redis

ADMIT, DUPLICATE, CONFLICT, REFUSE, LOST = range(5)

# Marker of a request: "A<attempts>:<sha>" admitted, "D:<sha>" answered. Windows: hash of bucket -> count.
CLAIM_SCRIPT: Final = """
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
"""

# A shelf's position moves on only from where this worker left it: of a Redis that was emptied, or came back
# without its last writes, what stands in between is not remembered.
ANSWER_SCRIPT: Final = """
local horizon = ARGV[1]
local n = tonumber(ARGV[2])
for i = 1, n do
  redis.call('SET', KEYS[i], 'D:' .. ARGV[i + 2], 'PX', horizon)
end
for i = 1, #KEYS - n do
  local key = KEYS[n + i]
  local from, to = tonumber(ARGV[n + 2 * i + 1]), tonumber(ARGV[n + 2 * i + 2])
  local known = tonumber(redis.call('GET', key) or -1)
  if known >= from and known < to then
    redis.call('SET', key, to)
  end
end
return n
"""


class RedisClaims:
    """The claim store of a deployment."""

    def __init__(self, client: "redis.Redis", app_id: str, idempotency_days: int) -> None:
        self._client = client
        self._tag = f"{{{app_id}}}"
        self._horizon_ms = idempotency_days * 86_400_000
        self._shas: dict[str, str] = {}
        # Up to where each shelf was remembered when this worker last wrote. A Redis that knows less was
        # emptied, or came back without its last writes.
        self._known: dict[Shelf, int] = {}

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        """Decide each claim, in order."""
        verdicts: list[Verdict] = []
        for start in range(0, len(claims), MOST_IN_ONE_CALL):
            verdicts += await self._claim(claims[start : start + MOST_IN_ONE_CALL])
        return verdicts

    async def _claim(self, claims: Sequence[Claim]) -> list[Verdict]:
        keys: list[str] = []
        args: list[Any] = [self._horizon_ms]
        for claim in claims:
            window, shelf = claim.window, Shelf("responses", claim.partition)
            keys += (
                self._marker(claim.tenant_id, claim.request_id),
                f"{self._tag}:w:{window.per if window else '-'}:{claim.tenant_id}",
                self._ledger(shelf),
            )
            args += (
                claim.sha256[:32],
                window.limit if window else -1,
                window.bucket_ms if window else 1,
                window.buckets if window else 0,
                self._known.get(shelf, 0),
            )
        flat = await self._run(CLAIM_SCRIPT, keys, args)
        if LOST in flat[::3]:
            lost = {claim.partition for claim, code in zip(claims, flat[::3], strict=True) if code == LOST}
            raise LedgerLost(sorted(lost))
        return [_verdict(claim, *flat[3 * number : 3 * number + 3]) for number, claim in enumerate(claims)]

    async def answer(self, answered: Sequence[Answered], checkpoints: Mapping[Shelf, int]) -> None:
        """Remember outcomes, and up to where each shelf is remembered."""
        keys = [self._marker(one.tenant_id, one.request_id) for one in answered]
        keys += [self._ledger(shelf) for shelf in checkpoints]
        args = [
            self._horizon_ms,
            len(answered),
            *(one.sha256[:32] for one in answered),
        ]
        for shelf, position in checkpoints.items():
            args += (self._known.get(shelf, 0), position)
        await self._run(ANSWER_SCRIPT, keys, args)
        for shelf, position in checkpoints.items():
            self._known[shelf] = max(position, self._known.get(shelf, 0))

    async def rebuilt(self, shelf: Shelf, position: int) -> None:
        """All of a shelf up to there is remembered."""
        try:
            await self._client.set(self._ledger(shelf), position)
        except (RedisError, OSError) as error:
            raise StoreUnavailable(str(error)) from error
        self._known[shelf] = position

    async def checkpoint(self, shelf: Shelf) -> int | None:
        """The next offset of the shelf that is not remembered."""
        try:
            value = await self._client.get(self._ledger(shelf))
        except (RedisError, OSError) as error:
            raise StoreUnavailable(str(error)) from error
        return None if value is None else int(value)

    def _marker(self, tenant_id: str, request_id: str) -> str:
        # The tenant's length first: no pair of ids can be mistaken for another.
        return f"{self._tag}:r:{len(tenant_id)}:{tenant_id}:{request_id}"

    def _ledger(self, shelf: Shelf) -> str:
        return f"{self._tag}:ledger:{shelf.kind}:{shelf.partition}"

    async def _run(self, script: str, keys: Sequence[str], args: Sequence[Any]) -> list[int]:
        try:
            if script not in self._shas:
                self._shas[script] = await self._client.script_load(script)
            try:
                flat: list[int] = await self._client.evalsha(self._shas[script], len(keys), *keys, *args)
            except NoScriptError:  # Redis was restarted
                flat = await self._client.eval(script, len(keys), *keys, *args)
            return flat
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error


def _verdict(claim: Claim, code: int, first: int, second: int) -> Verdict:
    if code == ADMIT:
        return Admit(first)
    if code == DUPLICATE:
        return Duplicate()
    if code == CONFLICT:
        return Conflict()
    return refusal(claim.window, first, second)


def refusal(window: Window | None, used: int, retry_after_ms: int) -> Refuse:
    """What the caller is told whose window is full."""
    limit = window.limit if window else 0
    per = window.per if window else "minute"
    return Refuse(
        Code.LIMIT_REQUESTS,
        f"the limit of {limit} requests per {per} is reached ({used} used): send it again, "
        f"under a new request_id, in {max(0, retry_after_ms)} ms",
        max(0, retry_after_ms),
    )
