"""Claims and windows in Redis: one script call decides a whole batch, on Redis' own clock."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.exceptions import RedisError

from app.adapters.memory_seal import Seal, Unreadable
from app.adapters.redis_batch import RedisBatch, script
from app.adapters.redis_keys import RedisKeys
from app.adapters.redis_lines import Argument
from app.adapters.redis_marker import SHA_LETTERS, token_digits
from streams.flow import Admit, Answered, Conflict, Decided, Duplicate, Gone, Sealed, Verdict, closed
from streams.policy.gaps import LONGEST_MS
from streams.policy.gates import MOST, Gate
from streams.policy.windows import MonthWindow
from streams.ports import Claim, LedgerLost, RunKey, Shelf, StoreUnavailable

MOST_IN_ONE_CALL: Final = 128  # bounds how long one script call holds Redis

WIDTH: Final = 4  # values of a reply
ADMIT, DUPLICATE, CONFLICT, REFUSE, LOST, DECIDED, GONE = range(7)

RETURNED: Final = "returned"  # what is counted is requests, and may have to be given back

CLAIM: Final = script("gates", "claim")
ANSWER: Final = script("gates", "answer")
OWN: Final = script("own")
REBUILT: Final = script("rebuilt")


class RedisClaims:
    """The claim store of a deployment."""

    def __init__(
        self, batch: RedisBatch, app_id: str, idempotency_days: int, seal: Seal | None = None
    ) -> None:
        self._batch = batch
        self._seal = seal or Seal()
        self._keys = RedisKeys(app_id)
        self._horizon_ms = idempotency_days * 86_400_000
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
        args: list[Argument] = [self._horizon_ms, len(claims)]
        for claim in claims:
            shelf = Shelf("responses", claim.partition)
            keys += (
                self._keys.marker(claim.tenant_id, claim.request_id, claim.generation),
                self._keys.ledger(shelf),
                self._keys.journal(claim.tenant_id, claim.request_id),
                self._keys.owner(claim.partition),
                self._keys.gap(claim.partition),
            )
            args += (
                claim.sha256[:SHA_LETTERS],
                self._known.get(shelf, 0),
                token_digits(claim.token),
                claim.generation,
                claim.owner,
                claim.first_attempt,
                len(claim.gates),
            )
            for gate in claim.gates:
                keys.append(self._keys.window(claim.tenant_id, gate))
                args += told_gate(gate)
        flat = await self._batch.call(CLAIM, keys, args)
        codes = flat[::WIDTH]
        if LOST in codes:
            lost = {claim.partition for claim, code in zip(claims, codes, strict=True) if code == LOST}
            raise LedgerLost(sorted(lost))
        verdicts = [
            _verdict(claim, *flat[WIDTH * number : WIDTH * (number + 1)])
            for number, claim in enumerate(claims)
        ]
        if DECIDED in codes:
            return [self._opened(*one) for one in zip(claims, verdicts, strict=True)]
        return verdicts

    def _opened(self, claim: Claim, verdict: Verdict) -> Verdict:
        if not isinstance(verdict, Decided):
            return verdict
        try:
            return Decided(self._seal.open(verdict.outcome, *outcome_place(claim)))
        except Unreadable as error:  # of this one alone: whoever puts the key back finds all as it was
            return Sealed(str(error))

    async def own(
        self, partitions: Sequence[int], generation: int, owner: str, *, forced: bool = False
    ) -> frozenset[int]:
        """From now on only claims of this owner are decided; returns those that a later generation owns."""
        keys = [self._keys.owner(partition) for partition in partitions]
        refused = await self._batch.call(OWN, keys, [generation, owner, int(forced)])
        return frozenset(partitions[number - 1] for number in refused)

    async def answer(self, answered: Sequence[Answered], checkpoints: Mapping[Shelf, int]) -> None:
        """Remember outcomes, and up to where each shelf is remembered."""
        keys = [self._keys.marker(one.tenant_id, one.request_id, one.generation) for one in answered]
        keys += [self._keys.journal(one.tenant_id, one.request_id) for one in answered]
        keys += [self._keys.ledger(shelf) for shelf in checkpoints]
        args: list[Argument] = [self._horizon_ms, len(answered)]
        for one in answered:
            args += (one.sha256[:SHA_LETTERS], one.generation, int(one.replayable))
        for shelf, position in checkpoints.items():
            args += (self._known.get(shelf, 0), position)
        await self._batch.call(ANSWER, keys, args)
        for shelf, position in checkpoints.items():
            self._known[shelf] = max(position, self._known.get(shelf, 0))

    async def rebuilt(self, shelf: Shelf, position: int, owner: str = "") -> None:
        """All of a shelf up to there is remembered."""
        keys = [self._keys.ledger(shelf), self._keys.owner(shelf.partition)]
        if shelf.kind == "responses":  # of each request there is one
            keys.append(self._keys.gap(shelf.partition))
        args: list[Argument] = [position, owner, int(shelf in self._known), LONGEST_MS]
        if not await self._batch.call(REBUILT, keys, args):
            raise StoreUnavailable("it was emptied, or is another's, while the partition was read")
        self._known[shelf] = position

    async def checkpoint(self, shelf: Shelf) -> int | None:
        """The next offset of the shelf that is not remembered."""
        try:
            value = await self._batch.client.get(self._keys.ledger(shelf))
        except (RedisError, OSError) as error:
            raise StoreUnavailable(str(error)) from error
        return None if value is None else int(value)


def outcome_place(whose: Claim | RunKey) -> tuple[str, ...]:
    """Where a decided outcome stands, as it is sealed."""
    return "outcome", whose.tenant_id, whose.request_id, str(whose.generation)


def _verdict(claim: Claim, code: int, first: Any, used: int, retry_after_ms: int) -> Verdict:
    if code == ADMIT:
        return Admit(first)
    if code == DECIDED:
        return Decided(first)
    if code == GONE:
        return Gone()
    if code == DUPLICATE:
        return Duplicate()
    if code == CONFLICT:
        return Conflict()
    return closed(claim.gates[first - 1], used, retry_after_ms)


def told_gate(gate: Gate) -> tuple[Argument, ...]:
    """As the scripts read it."""
    window, what = gate.window, RETURNED if gate.returned else gate.what
    limit = min(window.limit, MOST)
    if isinstance(window, MonthWindow):
        return limit, 0, 0, gate.amount, what, window.number, window.ends_ms, -1
    user = -1 if gate.user is None else len(gate.user.encode())
    return limit, window.bucket_ms, window.buckets, gate.amount, what, 0, 0, user
