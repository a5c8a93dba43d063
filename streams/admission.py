"""Requests -> Admit, Refuse, Duplicate or Conflict: does the plan allow it, is the id new, is there room?"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from streams.caps import Capped
from streams.entries import Entry
from streams.flow import (
    Accepted,
    Admit,
    Candidate,
    Conflict,
    Duplicate,
    Gone,
    Refuse,
    Verdict,
    fingerprint,
    identity,
    input_bytes,
    reserves_on_arrival,
)
from streams.observations import DuplicateSeen, LimitRefused, Observer, StoreAway
from streams.ownership import NOBODY
from streams.policy.gates import NOTHING_SPENT, Gate, Spending
from streams.policy.terms import Asked, Denial, Terms, never_fits
from streams.ports import Claim, ClaimStore, LedgerLost, StoreUnavailable

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 2.0
LOOK_S = 0.25
COUNTED_ON_ARRIVAL = ("requests", "runs")
TOLD_AFTER_LOOKS = 40  # ten seconds: as long as a session lasts, if nobody says otherwise


@dataclass(frozen=True, slots=True)
class Application:
    """One candidate that asks to be admitted."""

    candidate: Candidate
    token: str  # of this delivery: asked again under it, the verdict is the same
    generation: int = 0
    counted: bool = False  # it was admitted before, and counts no more
    first_attempt: int = 1  # where the store knows nothing of it


def application(entry: Entry) -> Application:
    """Of one that was just read, or comes back from where it waited."""
    parked, ends = entry.parked, entry.ending is not None
    if parked is None:
        return Application(entry.candidate, entry.token, entry.generation, ends)
    # Also a store that was emptied must not give an attempt a number that was used.
    first = parked.attempt + 1 if parked.started else max(1, parked.attempt)
    return Application(entry.candidate, entry.token, entry.generation, ends or parked.attempt > 0, first)


class Foresight(Protocol):
    """Knows what a request may need, before it is run."""

    def __call__(self, accepted: Accepted, terms: Terms) -> Spending:
        """At its first model call."""
        ...


@dataclass(frozen=True, slots=True)
class Tenants:
    """What admission has to know of tenants and of what their requests need."""

    terms: Callable[[str], Terms]
    foresee: Foresight
    at: Callable[[], datetime]
    caps: Capped


@dataclass(frozen=True, slots=True)
class Admission:
    """Asks the store; where it is away, waits for it, for a limit that is not checked is none."""

    store: ClaimStore
    tenants: Tenants
    observer: Observer
    rebuild: Callable[[Sequence[int]], Awaitable[Collection[int]]]  # returns those that are still ours
    owner: Callable[[int], str]  # of a partition: this worker, as long as it is its
    own_again: Callable[[Sequence[int]], Awaitable[object]]  # where an earlier owner stands in the store

    async def decide(self, applications: Sequence[Application]) -> Sequence[Verdict]:
        """A verdict for each, in their order."""
        judged = [self._judged(application) for application in applications]
        claims = [
            self._claim(application, () if isinstance(found, Denial) else found)
            for application, found in zip(applications, judged, strict=True)
        ]
        verdicts = await self._ask(claims)
        decided = [
            Refuse(found.code, found.message, attempt=verdict.attempt)
            if isinstance(found, Denial) and isinstance(verdict, Admit)
            else verdict
            for found, verdict in zip(judged, verdicts, strict=True)
        ]
        for claim, verdict in zip(claims, decided, strict=True):
            if isinstance(verdict, Refuse):
                self.observer.observe(LimitRefused(claim.tenant_id, verdict.code))
            elif isinstance(verdict, Duplicate | Conflict):
                self.observer.observe(DuplicateSeen(claim.tenant_id, isinstance(verdict, Conflict)))
        return decided

    async def _ask(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        wait_s, told = 0.0, False
        asked = claims
        while True:
            try:
                verdicts = await self.store.claim(asked)
            except LedgerLost as lost:
                gone = set(lost.partitions) - set(await self.rebuild(lost.partitions))
                asked = [claim for claim in asked if claim.partition not in gone]
            except StoreUnavailable as error:
                self.observer.observe(StoreAway("admission", back=False, reason=str(error)))
                wait_s = min(LONGEST_WAIT_S, wait_s * 2 or FIRST_WAIT_S)
                await asyncio.sleep(wait_s)
            else:
                if wait_s:
                    self.observer.observe(StoreAway("admission", back=True, reason=""))
                decided = dict(zip(asked, verdicts, strict=True))
                if told or not await self._owned_again(decided):
                    return [decided.get(claim, Gone()) for claim in claims]
                told = True

    async def _owned_again(self, decided: Mapping[Claim, Verdict]) -> bool:
        """Whether to ask once more: the store took another for the owner of what is ours, and was told.

        Whoever was frozen is told by the group before long that it owns nothing any more. Who is not told is
        the owner, and the store has lost its last writes.
        """
        disowned = {claim for claim, verdict in decided.items() if isinstance(verdict, Gone)}
        ours: set[int] = set()
        for _ in range(TOLD_AFTER_LOOKS):
            ours = {one.partition for one in disowned if self.owner(one.partition) == one.owner != NOBODY}
            if not ours:
                return False
            await asyncio.sleep(LOOK_S)
        await self.own_again(sorted(ours))
        return True

    def _judged(self, application: Application) -> tuple[Gate, ...] | Denial:
        """The gates that it has to pass, or why its plan does not allow it."""
        accepted = application.candidate
        if application.counted or not isinstance(accepted, Accepted):
            return ()
        request = accepted.request
        terms = self.tenants.terms(request.tenant_id)
        limits_input = terms.plan.max_input_bytes is not None
        asked = Asked(
            accepted.spec.name,
            request.model,
            request.user_id,
            input_bytes(request.input) if limits_input else 0,
        )
        denial = terms.denial(asked)
        if denial is not None:
            return denial
        estimate = self.tenants.foresee(accepted, terms) if terms.spends else NOTHING_SPENT
        gates = terms.gates(asked, estimate, self.tenants.at())
        denial = never_fits(gates)
        if denial is not None:
            return denial
        if not reserves_on_arrival(accepted):
            gates = tuple(gate for gate in gates if gate.what in COUNTED_ON_ARRIVAL)
        if terms.plan.concurrency is not None or accepted.spec.max_runs is not None:
            return self._returned(gates, accepted, terms)
        return gates

    def _returned(self, gates: tuple[Gate, ...], accepted: Accepted, terms: Terms) -> tuple[Gate, ...]:
        """Should it find no seat and be refused, it has counted nowhere."""
        caps = self.tenants.caps(accepted)
        waits = terms.waits_for_seat(accepted.request.over_limit) and all(cap.most for cap in caps)
        if waits or not caps:
            return gates
        return tuple(replace(gate, returned=True) if gate.what == "requests" else gate for gate in gates)

    def _claim(self, application: Application, gates: tuple[Gate, ...]) -> Claim:
        candidate = application.candidate
        tenant_id, request_id = identity(candidate)
        return Claim(
            tenant_id,
            request_id,
            fingerprint(candidate),
            candidate.record.partition,
            gates,
            application.token,
            application.generation,
            self.owner(candidate.record.partition),
            application.first_attempt,
        )
