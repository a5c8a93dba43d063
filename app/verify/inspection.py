"""Reads one partition after another, hands each to the judges and forgets it: memory is for one partition."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from app.verify import operators
from app.verify.facts import Facts
from app.verify.findings import Findings, Promise
from app.verify.gathering import Gathering
from app.verify.judges import (
    committed_is_safe,
    fair,
    limits_hold,
    never_pay_twice,
    nothing_lost,
    one_outcome,
    quotas_hold,
    session_order,
)
from app.verify.judges.books_balance import BooksJudge
from app.verify.judges.deltas import DeltasJudge
from app.verify.judges.one_outcome import Replays
from app.verify.ledger import Ledger
from app.verify.plans import PlansInForce
from app.verify.records import Extent, Kind, Source

Progress = Callable[[Kind, int, int], None]


def _silently(_kind: Kind, _partition: int, _count: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to judge."""

    skew_ms: int = 0
    most_examples: int = 5
    lost_ms: tuple[int, ...] = ()
    """When the journal's store lost its last second."""


@dataclass(slots=True)
class Inspection:
    """One run of all judges over one snapshot."""

    source: Source
    ledger: Ledger | None = None
    options: Options = Options()
    progress: Progress = _silently
    findings: Findings = field(init=False)
    books: BooksJudge = field(init=False)
    read: Counter[Kind] = field(default_factory=Counter)
    _deltas: DeltasJudge = field(init=False)
    _plans: PlansInForce = field(init=False)
    _replays: Replays = field(default_factory=Replays)

    def __post_init__(self) -> None:
        self.findings = Findings(self.options.most_examples)
        lost_ms = self.options.lost_ms
        self.books = BooksJudge(self.findings[Promise.BOOKS_BALANCE], self.ledger, lost_ms)
        self._deltas = DeltasJudge(self.findings[Promise.DELTAS])

    async def run(self) -> Findings:
        """Judge everything."""
        self._plans = await operators.plans(self.source)
        self._replays = await operators.replays(self.source)
        for partition in range(self.source.snapshot.partitions):
            facts = await self._gather(partition)
            self._judge(facts)
            await self._listen(facts)
        self.books.finish()
        paid_twice = self.findings[Promise.NEVER_PAY_TWICE]
        never_pay_twice.judge(self.ledger, self.read[Kind.USAGE], paid_twice, self.options.lost_ms)
        return self.findings

    async def _gather(self, partition: int) -> Facts:
        facts = Facts(partition, self.source.snapshot)
        gathering = Gathering(facts)
        await self._read(Kind.REQUESTS, partition, gathering)
        extent = self.source.snapshot.extent(Kind.USAGE, partition)
        async for records in self.source.read(Kind.USAGE, partition, extent):
            gathering.paid(records, self.books)
            self._count(Kind.USAGE, partition, len(records))
        for kind in (Kind.RESPONSES, Kind.DEADLETTER, Kind.PARKED):
            await self._read(kind, partition, gathering)
        await self._look_back(partition, gathering)
        return facts

    async def _read(self, kind: Kind, partition: int, gathering: Gathering) -> None:
        extent = self.source.snapshot.extent(kind, partition)
        async for records in self.source.read(kind, partition, extent):
            gathering.take(kind, records)
            self._count(kind, partition, len(records))

    async def _look_back(self, partition: int, gathering: Gathering) -> None:
        """Before a request is called lost: its outcome may stand further back than where reading began.

        So it is where it repeats an older one, or where its producer's clock is ahead.
        """
        silent = gathering.silent()
        for kind in (Kind.RESPONSES, Kind.DEADLETTER):
            extent = self.source.snapshot.extent(kind, partition)
            if silent and extent.start > extent.first:
                before = Extent(extent.first, extent.first, extent.start)
                async for records in self.source.read(kind, partition, before):
                    gathering.look_back(kind, records, silent)
                    self._count(kind, partition, len(records))

    def _judge(self, facts: Facts) -> None:
        findings = self.findings
        one_outcome.judge(facts, self._replays, findings[Promise.ONE_OUTCOME])
        nothing_lost.judge(facts, findings[Promise.NOTHING_LOST])
        session_order.judge(facts, findings[Promise.SESSION_ORDER], self.options.skew_ms)
        self.books.close(facts)
        limits_hold.judge(facts, self._plans, findings[Promise.LIMITS_HOLD])
        quotas_hold.judge(facts, self._plans, findings[Promise.LIMITS_HOLD])
        fair.judge(facts, findings[Promise.FAIR])
        committed_is_safe.judge(facts, findings[Promise.COMMITTED_IS_SAFE])

    async def _listen(self, facts: Facts) -> None:
        extent = self.source.snapshot.extent(Kind.DELTAS, facts.partition)
        async for records in self.source.read(Kind.DELTAS, facts.partition, extent):
            for record in records:
                facts.first_ms.setdefault(Kind.DELTAS, record.timestamp_ms)
                self._deltas.take(facts, record)
            self._count(Kind.DELTAS, facts.partition, len(records))
        self._deltas.close(facts)

    def _count(self, kind: Kind, partition: int, count: int) -> None:
        self.read[kind] += count
        self.progress(kind, partition, count)
