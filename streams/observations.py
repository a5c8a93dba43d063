"""One frozen dataclass per occurrence; observers turn them into metrics, logs and traces."""

from dataclasses import dataclass
from typing import Protocol

from agents_defs.run_order import ModelCall, SlowNotice, TripNotice
from schemas.failures import Code


@dataclass(frozen=True, slots=True)
class RecordRejected:
    """A record could not be decoded."""

    code: Code
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class LimitRefused:
    """A limit turned a request away: it is refused, or waits if it said so and asks again."""

    tenant_id: str
    code: Code


@dataclass(frozen=True, slots=True)
class DuplicateSeen:
    """A request id came again. `conflict`: with another body."""

    tenant_id: str
    conflict: bool


@dataclass(frozen=True, slots=True)
class RunStarted:
    """An agent began to run."""

    agent: str
    queued_s: float


@dataclass(frozen=True, slots=True)
class RunEnded:
    """An agent stopped running, however."""

    agent: str
    status: str
    run_s: float


@dataclass(frozen=True, slots=True)
class RequestParked:
    """A request waits outside of its partition's offsets; `reason` says for what."""

    agent: str
    reason: str


@dataclass(frozen=True, slots=True)
class ParkedUnreadable:
    """So many records of requests that are parked on a partition cannot be read here: they wait on."""

    partition: int
    records: int
    first_offset: int


@dataclass(frozen=True, slots=True)
class RequestDone:
    """A request's outcome is durable."""

    agent: str
    status: str
    code: Code | None
    dead_letter: bool


@dataclass(frozen=True, slots=True)
class CallPaid:
    """A model call was made."""

    call: ModelCall


@dataclass(frozen=True, slots=True)
class RunSlow:
    """A model call or a run takes longer than its warning threshold."""

    agent: str
    notice: SlowNotice


@dataclass(frozen=True, slots=True)
class GuardrailTripped:
    """A guardrail of an agent stopped an input, an answer or a tool call."""

    agent: str
    notice: TripNotice


@dataclass(frozen=True, slots=True)
class OutcomeSealed:
    """A decided outcome cannot be published here, `reason` says why: its request waits, all others go on."""

    tenant_id: str
    request_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class StoreAway:
    """Redis does not answer: admission waits. `back` when it answers again."""

    store: str
    back: bool
    reason: str


@dataclass(frozen=True, slots=True)
class OwnershipChanged:
    """This worker owns other partitions than before."""

    partitions: tuple[int, ...]
    gained: tuple[int, ...]
    lost: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecordsSkipped:
    """Records before this one were fetched and not delivered; the partition is read again from there."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class LedgerRead:
    """The answered ids of a partition were read up to the end."""

    partition: int
    records: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PlansRead:
    """The tenants' plans were read up to the end, before anything is admitted."""

    plans: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PlanPassedOver:
    """A record of the tenants topic is no plan that can be put in force: the tenant's former one holds."""

    tenant_id: str
    code: Code
    why: str


@dataclass(frozen=True, slots=True)
class PlansUnread:
    """The tenants topic cannot be read now: the plans that are known stay in force."""

    reason: str


@dataclass(frozen=True, slots=True)
class CommandDistrusted:
    """A command was refused for its signature: it has none, a wrong one, or one of a key without the role."""

    tenant_id: str
    command: str
    why: str


@dataclass(frozen=True, slots=True)
class KeysRead:
    """The file of keys that signatures are checked with was read, and is in force."""

    keys: int
    active: int


@dataclass(frozen=True, slots=True)
class KeysUnread:
    """The file of keys changed and cannot be used: the keys that are known stay in force."""

    reason: str


@dataclass(frozen=True, slots=True)
class BatchPublished:
    """Outcomes were published together."""

    parcels: int
    records: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PublishRetried:
    """Outcomes could not be published and are tried again."""

    parcels: int
    reason: str


@dataclass(frozen=True, slots=True)
class DriftSeen:
    """Workers count more of a tenant than the books, or less, and it is not for the moment."""

    tenant_id: str
    what: str
    per: str
    agent: str
    more: int  # negative: less


@dataclass(frozen=True, slots=True)
class Fault:
    """Something of ours went wrong; the request is answered `failed` with code `internal`."""

    stage: str
    message: str


Occurrence = (
    RecordRejected
    | LimitRefused
    | DuplicateSeen
    | RunStarted
    | RunEnded
    | RequestDone
    | RequestParked
    | ParkedUnreadable
    | CallPaid
    | RunSlow
    | GuardrailTripped
    | StoreAway
    | OutcomeSealed
    | OwnershipChanged
    | RecordsSkipped
    | LedgerRead
    | PlansRead
    | PlanPassedOver
    | PlansUnread
    | CommandDistrusted
    | KeysRead
    | KeysUnread
    | BatchPublished
    | PublishRetried
    | DriftSeen
    | Fault
)


class Observer(Protocol):
    """Is told what happens. Called on the event loop: be quick, do not raise."""

    def observe(self, occurrence: Occurrence) -> None:
        """One occurrence."""
        ...


class Observers:
    """Several observers as one."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def observe(self, occurrence: Occurrence) -> None:
        """Tell each."""
        for observer in self._observers:
            observer.observe(occurrence)
