"""What the records of one partition say, put together by request: the judges read this and nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from app.verify.records import Extent, Kind, Snapshot


class Sums(NamedTuple):
    """Of model calls."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: Decimal = Decimal(0)

    def plus(self, other: "Sums") -> "Sums":
        """Both together."""
        return Sums(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.cost_usd + other.cost_usd,
        )

    def __str__(self) -> str:
        return (
            f"{self.calls} calls, {self.input_tokens} in ({self.cached_tokens} cached), "
            f"{self.output_tokens} out ({self.reasoning_tokens} reasoning), {self.cost_usd.normalize():f} USD"
        )


class Span(NamedTuple):
    """One stretch of a run, in milliseconds."""

    start_ms: int
    end_ms: int


@dataclass(slots=True)
class Asked:
    """A record on the requests. `name` is `tenant/request_id`; it has none where it cannot be decoded."""

    offset: int
    timestamp_ms: int
    fingerprint: int
    """Of its exact bytes."""
    name: str | None = None
    sha: int = 0
    session: str | None = None
    user: str | None = None
    stream: bool = False
    deferred: bool = False
    """Its not_before lay in the future: it takes its place when due."""
    defect: str | None = None
    """Why it cannot be decoded."""


@dataclass(slots=True)
class Answer:
    """A record on the responses."""

    offset: int
    timestamp_ms: int
    name: str
    agent: str | None
    generation: int
    status: str
    code: str | None
    sha: int
    source_topic: str
    source_partition: int
    source_offset: int
    id_is_derived: bool
    totals: Sums
    attempts: int
    admitted_ms: int | None
    started_ms: int | None
    finished_ms: int
    runs: tuple[Span, ...]
    output_is_text: bool
    output: int
    """A hash of the text, or of the canonical JSON."""


@dataclass(slots=True)
class Letter:
    """A record on the dead letters, about a record on the requests."""

    offset: int
    code: str
    generation: int
    name: str | None
    source_offset: int
    fingerprint: int | None
    """Of the original bytes; None where they cannot be read."""


@dataclass(slots=True)
class Case:
    """All that there is of one request id."""

    asked: tuple[Asked, ...] = ()
    answers: tuple[Answer, ...] = ()
    paid: Sums | None = None
    """Everything on the usage topic, the shadow's calls aside."""
    ends: int = 0
    """How many `end` deltas were read."""
    last_attempt: int = 0

    @property
    def sha(self) -> int | None:
        """Of the body that was answered."""
        if not self.answers:
            return None
        answer = self.answers[0]
        sources = (asked.sha for asked in self.asked if asked.offset == answer.source_offset)
        return next(sources, answer.sha)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record of Penstock's own that is none."""

    kind: Kind
    offset: int
    why: str


@dataclass(slots=True)
class Facts:
    """One partition of all topics."""

    partition: int
    snapshot: Snapshot
    asked: dict[int, Asked] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    strangers: list[Answer] = field(default_factory=list)
    """Answers to ids that nobody asked, as far as was read."""
    letters: dict[int, tuple[Letter, ...]] = field(default_factory=dict)
    """By the offset of what they are about."""
    foreign_letters: list[tuple[Letter, str]] = field(default_factory=list)
    """About a record that cannot stand here, and where it is said to stand."""
    paid_strangers: dict[str, int] = field(default_factory=dict)
    """Usage for ids that nobody asked: the offset of the first."""
    unreadable: list[Unreadable] = field(default_factory=list)
    parked: set[str] = field(default_factory=set)
    """Names of the requests that wait there."""
    parked_unclear: bool = False
    """Something is parked that does not tell whose it is."""
    first_ms: dict[Kind, int] = field(default_factory=dict)
    """When the first record was written that was read of each topic."""

    @property
    def requests(self) -> Extent:
        """Which requests were read."""
        return self.snapshot.extent(Kind.REQUESTS, self.partition)

    @property
    def committed(self) -> int | None:
        """The group's offset."""
        return self.snapshot.committed.get(self.partition)

    def where(self, kind: Kind, offset: int) -> str:
        """As a person would look it up."""
        return f"{self.snapshot.names[kind]}[{self.partition}]@{offset}"

    def answers(self) -> Iterator[Answer]:
        """All of them, also those to requests from before what was read."""
        for case in self.cases.values():
            yield from case.answers
        yield from self.strangers

    def outcomes(self) -> Iterator[Answer]:
        """One of each request and generation: a second one is no second run."""
        seen: set[tuple[str, int]] = set()
        for answer in self.answers():
            if (answer.name, answer.generation) not in seen:
                seen.add((answer.name, answer.generation))
                yield answer

    def by_tenant(self) -> Mapping[str, list[Answer]]:
        """The outcomes."""
        found: dict[str, list[Answer]] = {}
        for answer in self.outcomes():
            found.setdefault(split(answer.name)[0], []).append(answer)
        return found

    def is_earlier(self, offset: int) -> bool:
        """Whether a request stands before what was read."""
        return offset < self.requests.start

    def is_outside(self, answer: Answer) -> bool:
        """Whether it is about an earlier request, or was itself only found by looking further back."""
        start = self.snapshot.extent(Kind.RESPONSES, self.partition).start
        return self.is_earlier(answer.source_offset) or answer.offset < start


def split(name: str) -> tuple[str, str]:
    """Tenant id and request id."""
    tenant, _, request = name.partition("/")
    return tenant, request
