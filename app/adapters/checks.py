"""What /readyz and /healthz ask: partitions, plans, Kafka, Redis, and whether the worker gets anywhere."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol

from app.adapters.health import Ask, Check, answer
from streams.bookkeeper import Bookkeeper
from streams.ownership import Ownership

ASKED_LATELY_S = 60.0
NEED_S = 0.5  # well within the time that a check has itself


class Pingable(Protocol):
    """A Redis client, as far as it is needed here."""

    def ping(self) -> Awaitable[object]:
        """Raises when there is no answer."""
        ...


def partitions_check(ownership: Ownership) -> Ask:
    """The group gave this worker its partitions, and their answered ids are known."""

    def ask() -> Check:
        if ownership.present is None:
            return Check(False, "no assignment yet, or a rebalance is under way")
        owned = ownership.partitions
        if not owned:
            return Check(True, "none: there are more workers than partitions, this one stands by")
        opened = sum(map(ownership.is_open, owned))
        return Check(opened == len(owned), f"{opened} of {len(owned)} open")

    return ask


def books_check(bookkeeper: Bookkeeper) -> Ask:
    """The group gave the books their partitions, and what stands in the table of them is known."""

    def ask() -> Check:
        if bookkeeper.session is None:
            return Check(False, "no assignment yet, or a rebalance is under way")
        if not bookkeeper.opened_all:
            return Check(False, "the table is being read")
        return Check(True, f"{len(bookkeeper.partitions)} open")

    return ask


def plans_check(known: Callable[[], bool]) -> Ask:
    """The tenants' plans were read: without them a paused tenant's requests would be run."""

    def ask() -> Check:
        return Check(True, "read") if known() else Check(False, "not read yet")

    return ask


def redis_check(client: Pingable) -> Ask:
    """Redis answers."""

    async def ask() -> Check:
        await client.ping()
        return Check(True, "answers")

    return ask


def kafka_check(answers: Callable[[], bool]) -> Ask:
    """Kafka answers whoever asks it about lag."""

    def ask() -> Check:
        return Check(True, "answers") if answers() else Check(False, "does not answer")

    return ask


class Progress:
    """Whether a worker that has work still does anything about it.

    It is stuck when it has work, everything that it needs is there (`needs`, as readiness asks for it), and
    yet `seen`, the number of occurrences, stood still for `stall_s`, which must be longer than any run. While
    Redis is away a restart would only lose runs.
    """

    def __init__(
        self,
        now: Callable[[], float],
        seen: Callable[[], int],
        work: Callable[[], int],
        needs: Iterable[Ask],
        stall_s: float,
    ) -> None:
        self._now: Final = now
        self._seen: Final = seen
        self._work: Final = work
        self._needs: Final = tuple(needs)
        self._stall_s: Final = stall_s
        self._last_seen = seen()
        self._since = self._asked = now()

    async def check(self) -> Check:
        """Judge by what was seen when this was asked before."""
        now, work, seen = self._now(), self._work(), self._seen()
        unwatched = now - self._asked > ASKED_LATELY_S
        self._asked = now
        if seen != self._last_seen or not work or unwatched:
            self._last_seen, self._since = seen, now
        quiet_s = now - self._since
        state = f"{work} records to do, quiet for {quiet_s:.0f} s"
        if quiet_s < self._stall_s or not await self._has_all_it_needs():
            return Check(True, state)
        return Check(False, f"{state}, although nothing is missing")

    async def _has_all_it_needs(self) -> bool:
        for need in self._needs:
            if not (await answer(need, NEED_S)).ok:
                return False
        return True
