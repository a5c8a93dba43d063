"""Caps on runs under way: which runs are counted together, and whether one more may begin.

A run takes a seat on each bench that it is counted on, or on none. For a bench that all tenants share, and so
all workers, those workers stand in line that have somebody waiting: who asks when a seat is free leaves it to
those that came before. A worker that has not asked for a while has left the line.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from schemas.tenants import Concurrency

LINE_MS = 2000  # a worker that waits asks several times in this time


@dataclass(frozen=True, slots=True)
class Bench:
    """Runs that are counted together. What is empty is any."""

    tenant_id: str = ""
    agent: str = ""
    model: str = ""

    @property
    def shared(self) -> bool:
        """Whether runs of all tenants are counted on it."""
        return not self.tenant_id

    @property
    def shown(self) -> str:
        """Which, for people."""
        if self.agent:
            return f"runs of the agent {self.agent}"
        return f"runs with the model {self.model}" if self.model else "runs"


@dataclass(frozen=True, slots=True)
class Cap:
    """So many runs at once, over all workers."""

    bench: Bench
    most: int


@dataclass(frozen=True, slots=True)
class Filled:
    """There is no seat under this cap: so many are taken, or are others' that came before."""

    cap: Cap
    taken: int


@dataclass(frozen=True, slots=True)
class InLine:
    """A worker that waits for a seat."""

    since_ms: int
    asked_ms: int


@dataclass(frozen=True, slots=True)
class Seated:
    """Who sits on a bench, and which workers stand in line for it."""

    names: frozenset[Hashable] = frozenset()
    line: Mapping[str, InLine] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seeker:
    """A run that asks for its seats. `waits`: it stands in line where there is none."""

    name: Hashable
    worker: str
    waits: bool = False


def caps_of(
    planned: Concurrency | None,
    asked: Bench,
    model: Callable[[], str],
    max_runs: int | None,
) -> tuple[Cap, ...]:
    """Those that a request is counted under; the one that is shared comes last.

    `asked`: its tenant and agent. The model is asked for only where models have caps.
    """
    caps = []
    if planned is not None:
        if planned.runs is not None:
            caps.append(Cap(Bench(asked.tenant_id), planned.runs))
        if asked.agent in planned.agents:
            caps.append(Cap(asked, planned.agents[asked.agent]))
        name = model() if planned.models else ""
        if name in planned.models:
            caps.append(Cap(Bench(asked.tenant_id, model=name), planned.models[name]))
    if max_runs is not None:
        caps.append(Cap(Bench(agent=asked.agent), max_runs))
    return tuple(caps)


def sit(
    benches: Mapping[Bench, Seated], caps: Sequence[Cap], seeker: Seeker, now_ms: int
) -> tuple[Mapping[Bench, Seated], Filled | None]:
    """It sits on all benches, or on none."""
    found = {cap.bench: _present(benches.get(cap.bench, Seated()), now_ms) for cap in caps}
    for cap in caps:
        seated = found[cap.bench]
        if seeker.name in seated.names:
            continue
        taken = len(seated.names) + (_ahead(seated, seeker.worker) if cap.bench.shared else 0)
        if taken >= cap.most:
            if cap.bench.shared and seeker.waits:
                found[cap.bench] = _queued(seated, seeker.worker, now_ms)
            return {**benches, **found}, Filled(cap, taken)
    for bench, seated in found.items():
        line = {worker: one for worker, one in seated.line.items() if worker != seeker.worker}
        found[bench] = Seated(seated.names | {seeker.name}, line)
    return {**benches, **found}, None


def stand_up(benches: Mapping[Bench, Seated], name: Hashable) -> Mapping[Bench, Seated]:
    """It sits nowhere any more."""
    return {bench: replace(seated, names=seated.names - {name}) for bench, seated in benches.items()}


def _present(seated: Seated, now_ms: int) -> Seated:
    line = {worker: one for worker, one in seated.line.items() if one.asked_ms >= now_ms - LINE_MS}
    return replace(seated, line=line)


def _ahead(seated: Seated, worker: str) -> int:
    mine = seated.line.get(worker)
    if mine is None:
        return len(seated.line)
    return sum(one.since_ms < mine.since_ms for one in seated.line.values())


def _queued(seated: Seated, worker: str, now_ms: int) -> Seated:
    behind = max((one.since_ms + 1 for one in seated.line.values()), default=now_ms)
    mine = seated.line.get(worker, InLine(max(now_ms, behind), now_ms))
    return replace(seated, line={**seated.line, worker: replace(mine, asked_ms=now_ms)})
