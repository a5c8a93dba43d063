"""A claim store in memory, which can go away, be emptied, and come back without its last writes.

Its memory is the run store's, too: see memory_runs.py.
"""

import asyncio
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agents_defs.run_journal import RunLost
from streams.flow import Admit, Answered, Conflict, Decided, Duplicate, Gone, Refuse, Sealed, Verdict, closed
from streams.policy import caps, holdings
from streams.policy.caps import Bench, Seated
from streams.policy.gaps import Gap
from streams.policy.gates import NOTHING_SPENT, Gate, Spending
from streams.policy.holdings import Before, Held
from streams.policy.windows import Counted, take_back
from streams.ports import Claim, LedgerLost, RunKey, Shelf, StoreUnavailable

Id = tuple[str, str]
Place = tuple[Any, ...]  # of a window: its tenant, and which of the tenant's it is
Items = list[dict[str, Any]]


@dataclass
class Marker:
    """What is known of one generation of a request id."""

    sha256: str
    attempts: int = 1
    token: str = ""
    stage: Literal["admitted", "decided", "answered"] = "admitted"


@dataclass
class Journal:
    """What is kept of the runs of one request id, over its generations."""

    entries: dict[str, bytes] = field(default_factory=dict)
    agent_version: int | None = None
    session: tuple[str, int, int] | None = None  # its id, how many turns the first attempt read, from which
    turns_out: int = 0
    generation: int = 0  # the latest that began
    begun: set[tuple[int, int]] = field(default_factory=set)  # generation and attempt
    ended: set[tuple[int, int]] = field(default_factory=set)
    outcomes: dict[int, bytes] = field(default_factory=dict)  # by generation

    def for_replay(self) -> "Journal":
        """What the next generation goes on from."""
        entries = {name: entry for name, entry in self.entries.items() if not name.startswith("@")}
        return Journal(entries, self.agent_version, self.session)


@dataclass
class ClaimMemory:
    """What all clients of one store share."""

    markers: dict[tuple[str, str, int], Marker] = field(default_factory=dict)
    windows: dict[Place, Counted] = field(default_factory=dict)
    held: dict[tuple[str, str, int], Mapping[Place, Held]] = field(default_factory=dict)  # as markers
    seats: Mapping[Bench, Seated] = field(default_factory=dict)
    asked: dict[tuple[str, str, int], tuple[tuple[Place, int], ...]] = field(default_factory=dict)
    """Where requests were counted that may be refused for want of a seat, by bucket."""
    positions: dict[Shelf, int] = field(default_factory=dict)
    owners: dict[int, tuple[int, str]] = field(default_factory=dict)  # by partition
    gaps: dict[int, Gap] = field(default_factory=dict)  # by partition
    journals: dict[Id, Journal] = field(default_factory=dict)
    sessions: dict[Id, list[tuple[str, Items]]] = field(
        default_factory=dict
    )  # request id and items, in order
    gone: dict[Id, int] = field(default_factory=dict)  # how many turns have left a session for want of room

    def copied(self) -> "ClaimMemory":
        """As it is now, to come back to."""
        return copy.deepcopy(self)

    def become(self, other: "ClaimMemory") -> None:
        """Forget what was written since, as a server does that lost its last writes (or all of them)."""
        self.markers, self.windows, self.positions = other.markers, other.windows, other.positions
        self.journals, self.sessions, self.owners = other.journals, other.sessions, other.owners
        self.held, self.seats, self.asked = other.held, other.seats, other.asked
        self.gaps, self.gone = other.gaps, other.gone

    def before(self, partition: int, gates: Mapping[Place, Gate]) -> Before[Place] | None:
        """What is known of what was before the partition's gap, if it has one."""
        gap = self.gaps.get(partition)
        if gap is None:
            return None
        everybody = {place: self.windows.get((*place[:4], None), Counted()) for place in gates}
        return Before(gap, everybody)

    def stand_up(self, key: tuple[str, str, int]) -> None:
        """It is none of the runs under way."""
        self.seats = caps.stand_up(self.seats, key)

    def sitting(self, bench: Bench) -> int:
        """How many runs are under way that are counted there."""
        return len(self.seats.get(bench, Seated()).names)

    def occupy(self, bench: Bench, *names: tuple[str, str, int]) -> None:
        """These runs are under way there, and no others."""
        self.seats = {**self.seats, bench: Seated(frozenset(names))}

    def give_back(self, key: tuple[str, str, int]) -> None:
        """It was refused after all: it has counted nowhere."""
        for place, bucket in self.asked.pop(key, ()):
            self.windows[place] = take_back(self.windows.get(place, Counted()), bucket, 1)

    def settle(self, key: tuple[str, str, int], spent: Spending, now_ms: int, *, over: bool) -> None:
        """What this request used, in place of what it reserved."""
        self.stand_up(key)
        held = self.held.pop(key, {})
        left = {}
        for place, one in held.items():
            state = self.windows.get(place, Counted())
            self.windows[place], left[place] = holdings.settle(state, one, spent, now_ms)
        if left and not over:
            self.held[key] = left


class MemoryClaims:
    """One worker's client of such a store."""

    def __init__(self, now_ms: Callable[[], int], memory: ClaimMemory | None = None) -> None:
        self._now_ms = now_ms
        self.memory = memory if memory is not None else ClaimMemory()
        self.away = False
        self.asked: list[Claim] = []
        self.sealed: dict[Id, str] = {}  # whose outcome this worker cannot open, and why
        self._known: dict[Shelf, int] = {}
        self._gate = asyncio.Event()
        self._gate.set()

    def hold(self) -> None:
        """Answer no claim until `let_go`."""
        self._gate.clear()

    def let_go(self) -> None:
        """Answer again."""
        self._gate.set()

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        """Decide each claim, in order."""
        self.asked += claims
        await self._gate.wait()
        self._require()
        lost = {claim.partition for claim in claims if self._is_lost(claim.partition) or self._unowned(claim)}
        if lost:
            raise LedgerLost(sorted(lost))
        return [self._decide(claim) for claim in claims]

    async def own(
        self, partitions: Sequence[int], generation: int, owner: str, *, forced: bool = False
    ) -> frozenset[int]:
        """From now on only claims of this owner are decided."""
        self._require()
        owners = self.memory.owners
        later = {one for one in partitions if owners.get(one, (-1, ""))[0] > generation and not forced}
        for partition in set(partitions) - later:
            owners[partition] = (generation, owner)
        return frozenset(later)

    def _unowned(self, claim: Claim) -> bool:
        return bool(claim.owner) and claim.partition not in self.memory.owners

    def _is_lost(self, partition: int) -> bool:
        shelf = Shelf("responses", partition)
        return self.memory.positions.get(shelf, -1) < self._known.get(shelf, 0)

    def _decide(self, claim: Claim) -> Verdict:
        if claim.owner and self.memory.owners[claim.partition][1] != claim.owner:
            return Gone()
        key = (claim.tenant_id, claim.request_id, claim.generation)
        marker = self.memory.markers.get(key)
        if marker is not None:
            return self._again(claim, marker)
        gates = {place_of(claim.tenant_id, gate): gate for gate in claim.gates}
        self.memory.windows, shut = enter(
            self.memory.windows, gates, self._now_ms(), self.memory.before(claim.partition, gates)
        )
        if shut is not None:
            return shut
        if held := holdings.held_by(gates, self._now_ms()):
            self.memory.held[key] = held
        if asked := {place: gate for place, gate in gates.items() if gate.returned}:
            now_ms = self._now_ms()
            self.memory.asked[key] = tuple((place, one.window.bucket(now_ms)) for place, one in asked.items())
        self.memory.markers[key] = Marker(claim.sha256, claim.first_attempt, claim.token)
        return Admit(claim.first_attempt)

    def _again(self, claim: Claim, marker: Marker) -> Verdict:
        if marker.sha256 != claim.sha256:
            return Conflict()
        if marker.stage == "answered":
            return Duplicate()
        journal = self.memory.journals.get((claim.tenant_id, claim.request_id), Journal())
        if marker.stage == "decided" and claim.generation in journal.outcomes:
            reason = self.sealed.get((claim.tenant_id, claim.request_id))
            return Decided(journal.outcomes[claim.generation]) if reason is None else Sealed(reason)
        if marker.stage == "decided" or not claim.token or claim.token != marker.token:
            marker.attempts += 1
            self.memory.stand_up((claim.tenant_id, claim.request_id, claim.generation))
            marker.token, marker.stage = claim.token, "admitted"
        return Admit(marker.attempts)

    async def answer(self, answered: Sequence[Answered], checkpoints: Mapping[Shelf, int]) -> None:
        """Remember outcomes, and up to where each shelf is remembered."""
        self._require()
        for one in answered:
            key = (one.tenant_id, one.request_id, one.generation)
            self.memory.markers[key] = Marker(one.sha256, stage="answered")
            self.memory.settle(key, NOTHING_SPENT, self._now_ms(), over=True)
            self._close_journal(one)
        for shelf, position in checkpoints.items():
            begin = self._known.get(shelf, 0)
            if begin <= self.memory.positions.get(shelf, -1) < position:
                self.memory.positions[shelf] = position
            self._known[shelf] = max(position, begin)

    def _close_journal(self, answered: Answered) -> None:
        key = (answered.tenant_id, answered.request_id)
        journal = self.memory.journals.get(key)
        if journal is None or journal.generation > answered.generation:
            return  # an answer that is remembered again does not touch the replay that runs now
        if answered.replayable:
            self.memory.journals[key] = journal.for_replay()
        else:
            del self.memory.journals[key]

    async def rebuilt(self, shelf: Shelf, position: int, owner: str = "") -> None:
        """All of a shelf up to there is remembered."""
        self._require()
        if owner and self.memory.owners.get(shelf.partition, (0, ""))[1] != owner:
            raise StoreUnavailable("it was emptied, or is another's, while the partition was read")
        lost = shelf.kind == "responses" and shelf not in self.memory.positions
        if lost and (position > 0 or shelf in self._known):
            self.memory.gaps[shelf.partition] = Gap(self._now_ms())
        self.memory.positions[shelf] = self._known[shelf] = position

    async def checkpoint(self, shelf: Shelf) -> int | None:
        """Up to where a shelf is remembered."""
        self._require()
        return self.memory.positions.get(shelf)

    def _require(self) -> None:
        if self.away:
            raise StoreUnavailable("it is away")


def place_of(tenant_id: str, gate: Gate) -> Place:
    """Which window this is."""
    return (tenant_id, *gate.of)


def enter(
    windows: dict[Place, Counted],
    gates: Mapping[Place, Gate],
    now_ms: int,
    before: Before[Place] | None = None,
) -> tuple[dict[Place, Counted], Refuse | None]:
    """All gates are passed, or none."""
    found, shut = holdings.enter(windows, gates, now_ms, before)
    refused = closed(shut.gate, shut.used, shut.retry_after_ms) if shut is not None else None
    return dict(found), refused


def own_marker(memory: ClaimMemory, run: RunKey, *, decided: bool = False) -> Marker:
    """The marker, if this attempt holds it."""
    marker = memory.markers.get((run.tenant_id, run.request_id, run.generation))
    allowed = {"admitted", "decided"} if decided else {"admitted"}
    if marker is None:
        raise RunLost(run.request_id, emptied=True)
    if marker.stage not in allowed:
        raise RunLost(run.request_id)
    if (marker.attempts, marker.token) != (run.attempt, run.token):
        raise RunLost(run.request_id)
    return marker
