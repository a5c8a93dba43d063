"""`make bench-recovery`: how long work stands still that waits for its time, or whose worker is gone.

Postponed requests become due beside 100,000 that stay parked; workers are killed and started again, killed
for good, and told to end, round after round, on one real Kafka and one real Redis. The last line of output
is JSON.
"""

import argparse
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from app import lifetime
from app.simulator import server
from app.simulator.options import SimulatorOptions
from benchmarks import durability, lateness, servers
from benchmarks.answers import Answers, request_id
from benchmarks.figures import Figures, Goal, percentile
from benchmarks.interruptions import Interruptions, Standstill
from benchmarks.lateness import Due
from benchmarks.lineup import TRANSACTIONAL
from benchmarks.report import Report
from benchmarks.servers import Servers
from benchmarks.staff import Staff
from benchmarks.worker_process import FAILURES
from streams.options import KafkaOptions

SESSION_TIMEOUT_S = KafkaOptions().session_timeout_s
IN_FLIGHT = 1000
GOALS: tuple[Goal, ...] = (
    Goal("due_late_p99_ms", "<=", 250.0),
    Goal("restart_p99_s", "<", 5.0),
    Goal("takeover_p99_s", "<", SESSION_TIMEOUT_S + 5.0),
    Goal("leave_p99_s", "<", 3.0),
    Goal("session_timeout_s"),
)

Round = Callable[[Interruptions], Awaitable[list[Standstill]]]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is done."""

    rounds: int
    due: Due


@dataclass(frozen=True, slots=True)
class Recovery:
    """One run of the bench."""

    found: Servers
    extent: Extent
    report: Report

    async def due(self) -> Figures:
        """Postponed requests become due."""
        plan = self.extent.due
        self.report.progress(f"{plan.parked} requests are parked, then {plan.rate:g} become due each second")
        terms = replace(TRANSACTIONAL.terms(self.found, "due"), in_flight=IN_FLIGHT)
        await TRANSACTIONAL.create_topics(terms)
        found = await lateness.measure(TRANSACTIONAL, terms, plan)
        late_ms = found.late_ms
        p50, p99 = percentile(late_ms, 50), percentile(late_ms, 99)
        self.report.say(
            f"due time to run start: p50 {p50:.0f} ms, p99 {p99:.0f} ms, at most {max(late_ms):.0f} ms "
            f"({len(late_ms)} requests, {plan.rate:g}/s, beside {plan.parked} that stay parked; "
            f"{found.cpu_ms:.1f} ms of the worker's CPU each)"
        )
        return {"due_late_p99_ms": p99}

    async def restart(self) -> Figures:
        """A worker is killed and started again under its name."""
        return await self._interrupted("restart", "kill -9, started again", Interruptions.restarts)

    async def takeover(self) -> Figures:
        """A worker is killed and does not return."""
        return await self._interrupted("takeover", "kill -9, never again", Interruptions.takeovers)

    async def leave(self) -> Figures:
        """A worker is told to end."""
        return await self._interrupted("leave", "SIGTERM", Interruptions.leaves)

    async def _interrupted(self, name: str, fault: str, rounds: Round) -> Figures:
        async with self._deployment(name) as interruptions:
            found = await rounds(interruptions)
        for what, waits in (("first", _firsts(found)), ("last", _lasts(found))):
            self.report.say(
                f"{fault}: {what} run went on after p50 {percentile(waits, 50):.2f} s, "
                f"p99 {percentile(waits, 99):.2f} s, at most {max(waits):.2f} s ({len(found)} rounds)"
            )
        if used := [one.start_cpu_s for one in found if one.start_cpu_s is not None]:
            self.report.say(f"{fault}: a start took {percentile(used, 50):.1f} s of CPU until all was open")
        return {f"{name}_p99_s": percentile(_lasts(found), 99)}

    @asynccontextmanager
    async def _deployment(self, name: str) -> AsyncIterator[Interruptions]:
        terms = TRANSACTIONAL.terms(self.found, name)
        await TRANSACTIONAL.create_topics(terms)
        answers = Answers(terms, request_id)
        with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
            models = await server.start(SimulatorOptions(ledger=Path(folder) / "ledger.jsonl"))
            staff = Staff(terms, models.base_url, Path(folder), SESSION_TIMEOUT_S)
            try:
                await answers.start()
                yield Interruptions(staff, models, answers, self.extent.rounds, self.report.progress)
            finally:
                await staff.end()
                await answers.stop()
                await models.stop()


def _firsts(found: Sequence[Standstill]) -> list[float]:
    return [one.first_s for one in found]


def _lasts(found: Sequence[Standstill]) -> list[float]:
    return [one.last_s for one in found]


async def main(extent: Extent, only: Sequence[str]) -> int:
    """Exits 1 when a figure could not be taken; one that misses its goal is said to."""
    report, figures, failed = Report(), Figures(session_timeout_s=SESSION_TIMEOUT_S), False
    with servers.running() as found:
        report.machine(found.versions)
        await durability.require_durable(found.redis_url)
        recovery = Recovery(found, extent, report)
        parts = (recovery.due, recovery.restart, recovery.takeover, recovery.leave)
        for part in parts:
            if only and part.__name__ not in only:
                continue
            try:
                report.load()
                figures |= await part()
            except FAILURES as error:
                failed = True
                report.failed((part.__doc__ or "").strip(), str(error) or type(error).__name__)
        report.load()
    report.verdicts(figures, GOALS)
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10, help="of each kind of interruption")
    parser.add_argument("--parked", type=int, default=100_000, help="requests that stay parked")
    parser.add_argument("--rate", type=float, default=200.0, help="requests that become due each second")
    parser.add_argument("--quick", action="store_true", help="twice, and little: to see that it works")
    parser.add_argument("only", nargs="*", help="due, restart, takeover, leave; nothing: all")
    return parser.parse_args()


if __name__ == "__main__":
    asked = _arguments()
    size = Extent(asked.rounds, Due(asked.parked, asked.rate))
    if asked.quick:
        size = Extent(2, Due(2_000, asked.rate, lasts_s=5.0))
    sys.exit(lifetime.run(lambda: main(size, asked.only)))
