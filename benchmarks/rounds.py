"""Contestants take turns, round after round, so that all of them meet the same noise."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.figures import Sample, paired_ratio
from benchmarks.report import Report
from benchmarks.worker_process import FAILURES


@dataclass(frozen=True, slots=True)
class Entrant:
    """One name in the table: made ready once, measured in every round."""

    name: str
    prepare: Callable[[], Awaitable[None]]
    measure: Callable[[], Awaitable[Sample]]


@dataclass(slots=True)
class Outcome:
    """The samples of all rounds; who failed once is out."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def ratio(self, ours: str, theirs: str) -> float | None:
        """Runs per CPU-second of one by the other's; None where one of them failed."""
        if ours not in self.samples or theirs not in self.samples:
            return None
        return paired_ratio(self.samples[ours], self.samples[theirs])

    def fail(self, name: str, reason: str) -> None:
        """Out: half a series is none."""
        self.samples.pop(name, None)
        self.failures[name] = reason


async def play(title: str, entrants: Sequence[Entrant], repeats: int, report: Report) -> Outcome:
    """All rounds."""
    outcome = Outcome()
    for entrant in entrants:
        try:
            await entrant.prepare()
        except FAILURES as error:
            outcome.fail(entrant.name, str(error) or type(error).__name__)
    for repeat in range(repeats):
        report.progress(f"{title}: round {repeat + 1} of {repeats}")
        for entrant in entrants:
            if entrant.name in outcome.failures:
                continue
            try:
                outcome.samples.setdefault(entrant.name, []).append(await entrant.measure())
            except FAILURES as error:
                outcome.fail(entrant.name, str(error) or type(error).__name__)
    report.comparison(title, outcome.samples, outcome.failures)
    return outcome
