"""The values that travel between the stages, in order: read this file and you know the system.

bytes -> Record -> Accepted | Invalid | Rejected
-> Admit | Refuse | Duplicate | Conflict | Gone | Decided | Sealed -> Turn (streams/turns.py)
-> Outcome | Suspended | HandedOver -> Parcel, which is Emissions
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from agents_defs.registry import AgentSpec
from agents_defs.run_order import ModelCall
from schemas.failures import Code
from schemas.requests import AgentRequest
from schemas.responses import Memory, Status
from streams.policy.caps import Filled
from streams.policy.gaps import UNKNOWN
from streams.policy.gates import Gate
from streams.policy.terms import never_fits
from streams.policy.windows import MonthWindow
from streams.session_marks import SessionMark

MONTH_AFTER_MS = 1000
SEAT_AFTER_MS = 1000  # when to ask for a seat again: nobody knows when a run ends

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Record:
    """What intake read: the exact bytes and where they stood."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    stamped: bool = False  # the timestamp is the broker's own (LogAppendTime), not what a producer says


def same_record(one: Record, other: Record) -> bool:
    """Whether two that stood at one place are one: when a topic was made anew, another may stand there."""
    return (one.key, one.value) == (other.key, other.value)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that can be run."""

    record: Record
    request: AgentRequest
    sha256: str
    spec: AgentSpec
    received: float  # monotonic
    received_at: datetime
    counted_at: datetime | None = None  # when it was admitted, if it had to wait for that

    @property
    def admitted_at(self) -> datetime:
        """From when on it counts."""
        return self.counted_at or self.received_at


def reserves_on_arrival(accepted: Accepted) -> bool:
    """Whether it may run at once. Who comes later reserves what it needs of tokens and cost when it runs."""
    not_before = accepted.request.not_before
    return not_before is None or not_before <= accepted.received_at


@dataclass(frozen=True, slots=True)
class Invalid:
    """A request that can be decoded but not accepted: it is answered `refused`."""

    record: Record
    document: dict[str, Any]
    request_id: str
    tenant_id: str
    sha256: str
    code: Code
    message: str
    received: float
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot be decoded: one dead letter with its exact bytes, no response."""

    record: Record
    code: Code
    message: str
    received: float
    received_at: datetime
    request_id: str | None = None
    tenant_id: str | None = None


Candidate = Accepted | Invalid | Rejected


def identity(candidate: Candidate) -> tuple[str, str]:
    """Tenant id and request id. A record without any has its place instead, under no tenant."""
    if isinstance(candidate, Accepted):
        return candidate.request.tenant_id, candidate.request.request_id
    if isinstance(candidate, Invalid):
        return candidate.tenant_id, candidate.request_id
    return place_identity(candidate.record.partition, candidate.record.offset)


def place_identity(partition: int, offset: int) -> tuple[str, str]:
    """What a dead letter is remembered under: there is one for each source record."""
    return "", f"{partition}:{offset}"


def fingerprint(candidate: Candidate) -> str:
    """What tells the same request from another one under the same id."""
    if isinstance(candidate, Rejected):
        return sha256(candidate.record.value or b"").hexdigest()
    return candidate.sha256


def input_bytes(value: str | list[dict[str, Any]]) -> int:
    """How large an input is: of text its UTF-8, of items their JSON."""
    if isinstance(value, str):
        return len(value.encode())
    import orjson  # only for the rare large list of items

    return len(orjson.dumps(value))


@dataclass(frozen=True, slots=True)
class Admit:
    """The request counts and may run. `attempt` is 1, or more after a crash or a hand-over."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """A limit said no."""

    code: Code
    message: str
    retry_after_ms: int | None = None  # None: never
    attempt: int = 1  # which this is at a request that an earlier one may have paid for

    @property
    def problem(self) -> "Problem":
        """As its outcome tells it."""
        retriable = False if self.retry_after_ms is None else None
        return Problem(self.code, self.message, self.retry_after_ms, retriable=retriable)


def closed(gate: Gate, used: int, retry_after_ms: int) -> Refuse:
    """What the caller is told who found this gate closed."""
    retry_after_ms = max(0, retry_after_ms)
    if isinstance(gate.window, MonthWindow):
        # Of clocks that disagree one says that the month is over, while another still counts in it.
        return Refuse(gate.code, _used_up(gate, gate.window, used), max(retry_after_ms, MONTH_AFTER_MS))
    if used == UNKNOWN:
        return Refuse(
            gate.code,
            f"the limit of {gate.shown(gate.window.limit)} per {gate.window.per} is taken to be reached: the "
            "store was emptied, and it is not known yet what was used; send it again, under a new "
            f"request_id, in {retry_after_ms} ms",
            retry_after_ms,
        )
    return Refuse(
        gate.code,
        f"the limit of {gate.shown(gate.window.limit)} per {gate.window.per} is reached "
        f"({gate.shown(used)} used{_asked(gate)}): send it again, under a new request_id, "
        f"in {retry_after_ms} ms",
        retry_after_ms,
    )


def _used_up(gate: Gate, month: MonthWindow, used: int) -> str:
    """Its quota, of which the overdraft is a part that nobody plans with."""
    beyond = f" ({gate.shown(month.limit)} with its overdraft)" if month.limit > month.allowed else ""
    asked = "" if gate.what == "runs" else f", {gate.shown(gate.amount)} asked for"
    ends = datetime.fromtimestamp(month.ends_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")
    return (
        f"the month's quota of {gate.shown(month.allowed)}{beyond} does not allow it "
        f"({gate.shown(used)} used or held{asked}): ask the operator for more, or wait until {ends}"
    )


def no_seat(filled: Filled) -> Refuse:
    """What the caller is told who finds as many runs under way as there may be."""
    bench, most = filled.cap.bench, filled.cap.most
    who = "all tenants together may have" if bench.shared else "the plan allows"
    told = f"{filled.taken} {bench.shown} are under way, {who} {most}: send it again when one has ended"
    return Refuse(Code.LIMIT_CONCURRENCY, told, SEAT_AFTER_MS)


def shut(gate: Gate, lacks: int, used: int, retry_after_ms: int) -> Refuse:
    """The same in the midst of a run, which lacks so much there."""
    lacking = replace(gate, amount=lacks)
    never = never_fits([lacking])
    return Refuse(never.code, never.message) if never is not None else closed(lacking, used, retry_after_ms)


def _asked(gate: Gate) -> str:
    return "" if gate.what == "requests" else f", {gate.shown(gate.amount)} asked for"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same request was answered already: nothing is run, nothing is published."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The id was used before with another body: a dead letter, no run."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Its partition is another worker's now, which reads the request again: nothing is done here."""


@dataclass(frozen=True, slots=True)
class Decided:
    """An earlier attempt decided the outcome, and nobody published it: these are its records."""

    outcome: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """An earlier attempt decided the outcome, and this worker cannot open what it left: it has to wait."""

    reason: str  # what an operator is to do


Verdict = Admit | Refuse | Duplicate | Conflict | Gone | Decided | Sealed


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an outcome is not `completed`."""

    code: Code
    message: str
    retry_after_ms: int | None = None
    exception: str | None = None
    stack: str | None = None
    retriable: bool | None = None  # None: as the failure table says of the code


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended. The fields of a run are empty where none was started."""

    status: Status
    problem: Problem | None = None
    output: Any = None
    last_agent: str | None = None
    turns: int = 0
    models: tuple[str, ...] = ()
    calls: tuple[ModelCall, ...] = ()
    new_items: Sequence[dict[str, Any]] = ()
    anew: bool = False  # these stand for all that was said before, too
    mark: SessionMark | None = None  # up to where it read its session, where that stands beside the journals
    memory: Memory = Memory.NONE
    started_at: datetime | None = None
    finished_at: datetime | None = None
    queued_s: float = 0.0
    run_s: float = 0.0
    generation: int = 0
    degraded: bool = False
    spans: tuple[tuple[datetime, datetime], ...] = ()  # of all its runs
    published: frozenset[str] = frozenset()  # ids of calls whose usage is published already


@dataclass(frozen=True, slots=True)
class Emission:
    """One record to publish."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None  # None: a tombstone
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    packed: bool = False  # compressed, for its topic's limit would not let it pass otherwise


@dataclass(frozen=True, slots=True)
class DealtWith:
    """Which commands of a partition need no further action: all before `position`, and those `beyond` it."""

    position: int
    beyond: tuple[int, ...] = ()  # ascending

    def covers(self, offset: int) -> bool:
        """Whether the command at this offset is one of them."""
        return offset < self.position or offset in self.beyond


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one source record comes to: all its emissions are published together or not at all."""

    partition: int
    emissions: tuple[Emission, ...]
    answered: "Answered | None" = None
    commands: DealtWith | None = None  # of the partition's control topic, with this one


@dataclass(frozen=True, slots=True)
class Answered:
    """That a request has its outcome, for the store that remembers it."""

    tenant_id: str
    request_id: str
    sha256: str
    generation: int = 0
    replayable: bool = False  # it failed: its journal is kept, so that a replay pays only for what is missing
