"""What the stream needs from the outside, as small Protocols; the adapters and the doubles fulfil them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from agents_defs.agent_spec import AgentSpec
from agents_defs.run_order import ALL_TOOLS, Foreseen, RunListener, RunOrder, RunResult, ToolLists
from schemas.keyring import Key
from streams.deltas import DeltaFeed
from streams.flow import Answered, Parcel, Record, Refuse, Verdict
from streams.parked import Parked, ParkedPlace
from streams.policy.caps import Cap, Filled
from streams.policy.gates import NOTHING_SPENT, Gate, Spending
from streams.session_marks import SessionMark


class StoreUnavailable(Exception):
    """A store does not answer now. Whoever asked waits and asks again; nothing is lost meanwhile."""


class LedgerLost(Exception):
    """The store forgot what was answered: a partition must be rebuilt before it admits anything."""

    def __init__(self, partitions: Sequence[int]) -> None:
        super().__init__(f"the ids answered on partitions {list(partitions)} are unknown")
        self.partitions = tuple(partitions)


class Clock(Protocol):
    """Two times: one to measure with, one to write down."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def at(self) -> datetime:
        """UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """One request that asks to be run, once per request id."""

    tenant_id: str
    request_id: str
    sha256: str
    partition: int
    gates: tuple[Gate, ...] = ()  # none: it counts nowhere, and only asks whether the id is new
    token: str = ""  # of this delivery of the record: asked again under it, the verdict is the same
    generation: int = 0  # an operator's replay opens the next
    owner: str = ""  # who owns the partition by the claimer's account; not asked about where it is empty
    first_attempt: int = 1  # the number of the attempt where the store knows of none


ShelfKind = Literal["responses", "deadletter"]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One partition of one of the topics that tell what was answered."""

    kind: ShelfKind
    partition: int


class Verifier(Protocol):
    """Knows whose signatures count."""

    def signer(self, record: Record, at: datetime) -> Key:
        """The key that signed the record, judged on its bytes. BadSignature where none did that may.

        Called on the event loop for every record: be quick.
        """
        ...


class ClaimStore(Protocol):
    """Remembers which request ids were seen, and counts them in windows. All of it replay-safe."""

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        """Decide each claim, in order, atomically per tenant.

        What cannot be told of one of them (its outcome is Sealed) keeps none of the others waiting.
        """
        ...

    async def own(
        self, partitions: Sequence[int], generation: int, owner: str, *, forced: bool = False
    ) -> frozenset[int]:
        """From now on only claims of this owner are decided; those of any other are Gone.

        Returns those that a later generation of the group owns: they are left as they are, unless `forced`.
        """
        ...

    async def answer(self, answered: Sequence[Answered], checkpoints: Mapping[Shelf, int]) -> None:
        """Remember that these have their outcome, and up to where each shelf is remembered.

        A shelf of which nothing is remembered (the store was emptied) stays so: what stands before these is
        not known.
        """
        ...

    async def rebuilt(self, shelf: Shelf, position: int, owner: str = "") -> None:
        """All of a shelf up to there is remembered.

        StoreUnavailable where the store does not know its owner (if one is named): it was emptied meanwhile.
        """
        ...

    async def checkpoint(self, shelf: Shelf) -> int | None:
        """Up to where a shelf is remembered; None when nothing of it is."""
        ...


@dataclass(frozen=True, slots=True)
class RunKey:
    """One attempt at a request. Only the latest that was admitted may write; that is the fence."""

    tenant_id: str
    request_id: str
    attempt: int
    token: str  # of the claim that admitted it
    generation: int = 0

    @property
    def run_id(self) -> str:
        """The same for all attempts at a generation."""
        return f"{self.tenant_id}/{self.request_id}/{self.generation}"


@dataclass(frozen=True, slots=True)
class Begun:
    """What the store knows of a run when an attempt begins."""

    entries: Mapping[str, bytes]  # recorded by earlier attempts; none of those that begin with "@"
    session_items: Sequence[dict[str, Any]] = ()  # as the first attempt read them
    session_lost: bool = False  # the first attempt read more than there is now
    agent_version: int = 0  # with which the first attempt began
    crashes: int = 0  # earlier attempts that neither came to an outcome nor left in order
    turns_out: int = 0  # deltas of turns below this are published


@dataclass(frozen=True, slots=True)
class SessionTurn:
    """What a run adds to its session."""

    session_id: str
    items: Sequence[dict[str, Any]]
    anew: bool = False  # they stand for all that was said before, too
    ttl_s: float | None = None  # how long the session is remembered from now on; None: as the store has it


@dataclass(frozen=True, slots=True)
class Told:
    """What a run wants to have recorded. `opens`: its attempt begins with that, as `begin` would tell it."""

    entries: Mapping[str, bytes | None]  # None removes an entry
    opens: int = 0  # the agent's version; 0: the attempt has begun

    def __bool__(self) -> bool:
        return bool(self.entries or self.opens)

    def and_then(self, later: "Told") -> "Told":
        """Both."""
        return Told({**self.entries, **later.entries}, self.opens or later.opens)


NOTHING = Told({})


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a run is told of its session."""

    items: Sequence[dict[str, Any]]
    mark: SessionMark
    lost: bool = False  # the first attempt read more than there is now


class SessionStore(Protocol):
    """Sessions beside the journals. Every call raises StoreUnavailable where the store does not answer."""

    async def read(self, run: RunKey, session_id: str, mark: SessionMark | None) -> Recalled:
        """The session as it is, without what this run may have added; or with a mark, as it was then."""
        ...

    async def add(self, run: RunKey, turn: SessionTurn, mark: SessionMark) -> None:
        """Once for each request and generation. Not to a session that was deleted since the mark was made."""
        ...


class RunStore(Protocol):
    """The journals of runs, their sessions and their decided outcomes.

    Every call raises RunLost where a later attempt was admitted (or the store was emptied) and
    StoreUnavailable where the store does not answer; asked again, none of them does its work twice.
    """

    async def begin(self, run: RunKey, agent_version: int, session_id: str | None) -> Begun:
        """An attempt begins: it counts as crashed until `decide` or `leave`."""
        ...

    async def record(self, run: RunKey, told: Told, turns_out: int) -> None:
        """Add to the journal."""
        ...

    async def decide(
        self, run: RunKey, outcome: bytes, turn: SessionTurn | None, spent: Spending = NOTHING_SPENT
    ) -> None:
        """This is the outcome of the request, and in the same step its turn is added to the session.

        What it reserved is replaced by what it spent.
        Whoever claims the request from now on is given this outcome to publish.
        """
        ...

    async def leave(self, run: RunKey, keep_s: float, spent: Spending = NOTHING_SPENT) -> None:
        """The attempt stops in order, without an outcome; its journal is kept at least that long.

        It holds no more of its tenant's windows than it spent.
        """
        ...


class Reservations(Protocol):
    """What runs hold of their tenants' windows."""

    async def reserve(
        self, run: RunKey, gates: Sequence[Gate], spent: Spending = NOTHING_SPENT
    ) -> Refuse | None:
        """What the gates ask for is what the run holds in all from now on; or why not, and nothing changes.

        Of what it held and has left its window only what it spent counts as held.

        Raises RunLost and StoreUnavailable as a RunStore does.
        """
        ...

    async def sit(self, run: RunKey, caps: Sequence[Cap], *, waits: bool = False) -> Filled | None:
        """It counts under each cap, until it is decided, left, answered or claimed anew.

        Or under none: which cap has no seat. Who waits for one that all tenants share stands in line there,
        as long as its worker asks again. Raises as `reserve`.
        """
        ...


class Outbox(Protocol):
    """Publishes outcomes: returns when they are durable."""

    async def publish(self, parcel: Parcel) -> int | None:
        """All records of the parcel, together or not at all.

        Returns the offset of its record on the parked topic, where it has one.
        """
        ...


class ParkedBodies(Protocol):
    """Reads parked requests again when they are due; only their places are kept in memory."""

    async def fetch(self, places: Sequence[ParkedPlace]) -> Sequence[Parked | None]:
        """In the order of the places; None where the record is gone, since a newer one of its key stands
        further on. Waits as long as Kafka is away."""
        ...


class ParkedSink(Protocol):
    """Is told what stands on the parked topic of a partition that was gained, before the partition opens.

    Called on the event loop: be quick, do not raise.
    """

    def begin(self, partition: int) -> None:
        """All of the partition is told anew from here on; what was told of it before is void."""
        ...

    def take(self, partition: int, offset: int, key: bytes, value: bytes | None) -> None:
        """The next record in the order of offsets; None is a tombstone."""
        ...


class ControlSink(Protocol):
    """Is told what stands on the control topic of the partitions that are ours, in the order of offsets.

    Called on the event loop: be quick, do not raise.
    """

    def take(self, partition: int, offset: int, record: Record, effective: bool) -> None:
        """One record, as it is. Not effective: an earlier owner dealt with it, and only a cancel that
        precedes its request still matters."""
        ...

    def caught_up(self, partition: int) -> None:
        """All that stood there when the partition was gained was handed over."""
        ...


class DeltaSink(Protocol):
    """Publishes what runs say while they run."""

    def touch(self, feed: DeltaFeed) -> None:
        """The feed has something new; it is collected within the delta window."""
        ...

    async def settle(self, feed: DeltaFeed) -> None:
        """Publish what is left of the feed and wait until it is durable."""
        ...


class Foresees(Protocol):
    """Knows models and prices."""

    def foresee(
        self,
        spec: AgentSpec,
        model: str | None,
        characters: int,
        max_output_tokens: int | None,
        lists: ToolLists = ALL_TOOLS,
    ) -> Foreseen:
        """What the first model call of a run may use. `lists`: which tools it is told of."""
        ...

    def meant(self, spec: AgentSpec, model: str | None) -> str:
        """The model that a run asks first, where the request names this one, or none; "" if nobody knows."""
        ...


class Runs(Protocol):
    """Runs an agent once."""

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        """Raises RunFailure and nothing else."""
        ...
