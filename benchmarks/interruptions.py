"""How long runs stand still: a worker is killed and started again, killed for good, or leaves in order."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from app.simulator import ledger
from app.simulator.server import RunningSimulator
from benchmarks import topics
from benchmarks.answers import Answers
from benchmarks.backlog import PATIENCE_S
from benchmarks.calls import Call, calls_of, first_calls
from benchmarks.requests import Request, make_requests, on_each_partition
from benchmarks.staff import Staff
from benchmarks.worker_process import BenchFailed

AGENT = "support"
STEP_MS = 700
# Four model calls; the second is under way (or a later one) when the worker dies.
STEPS = " then ".join(f'tool=lookup_order args={{"order":{number}}}' for number in (1, 2, 3))
LONG = f"[[sim: latency_ms={STEP_MS} {STEPS}]]"
SHORT = f"[[sim: latency_ms={STEP_MS}]]"
AT_ONCE = "[[sim: latency_ms=0]]"
EACH = 2  # runs on each partition
TENANTS = 600
RETURN_S = 0.05  # after a worker was told to end: then it reads nothing more
POLL_S = 0.005
AGAIN = 2  # the attempt that goes on


@dataclass(frozen=True, slots=True)
class Standstill:
    """From the fault until runs went on: the first one, and the last."""

    first_s: float
    last_s: float
    runs: int
    start_cpu_s: float | None = None  # of a worker that was started again, until its partitions were open


@dataclass
class Interruptions:
    """One deployment, round after round."""

    staff: Staff
    models: RunningSimulator
    answers: Answers
    rounds: int
    progress: Callable[[str], None]
    _answered: int = field(default=0)

    async def restarts(self) -> list[Standstill]:
        """One worker: kill -9, and started again at once under the same name."""
        await self.staff.start("w-0")

        async def one(_: int) -> Standstill:
            runs = await self._under_way(LONG)
            killed = await self._kill("w-0")
            worker = await self.staff.start("w-0")
            await self.staff.settled()
            start_cpu_s = worker.cpu_s()
            return replace(await self._resumed(runs, killed), start_cpu_s=start_cpu_s)

        return await self._rounds("killed and started again", one)

    async def takeovers(self) -> list[Standstill]:
        """Two workers: one is killed and does not come back. In turns, for one of them leads the group."""
        await self._two()

        async def one(number: int) -> Standstill:
            runs = await self._under_way(LONG)
            name = f"w-{number % 2}"
            killed = await self._kill(name)
            found = await self._resumed(runs, killed)
            await self.staff.start(name)
            return found

        return await self._rounds("killed for good", one)

    async def leaves(self) -> list[Standstill]:
        """Two workers: one is told to end while short runs are under way; more requests come."""
        await self._two()

        async def one(number: int) -> Standstill:
            await self._under_way(SHORT)
            name = f"w-{number % 2}"
            leaving, told = self.staff.workers.pop(name), datetime.now(UTC)
            theirs = leaving.open_partitions()
            leaving.terminate()
            await asyncio.sleep(RETURN_S)
            new = [one for one in await self._send(AT_ONCE) if one.partition in theirs]
            await self._all_answered()
            if code := await leaving.ended():
                raise BenchFailed(f"a worker that was told to end ended with {code}")
            await self.staff.start(name)
            return _standstill(told, self._calls(new), new, least_attempt=1)

        return await self._rounds("told to end", one)

    # -- steps of a round

    async def _rounds(self, title: str, one: Callable[[int], Awaitable[Standstill]]) -> list[Standstill]:
        found = []
        for number in range(self.rounds):
            await self.staff.settled()
            found.append(await one(number))
            self.progress(
                f"{title}, round {number + 1} of {self.rounds}: "
                f"{found[-1].runs} runs went on after {found[-1].first_s:.2f} to {found[-1].last_s:.2f} s"
            )
        return found

    async def _two(self) -> None:
        await self.staff.start("w-0")
        await self.staff.start("w-1")

    async def _under_way(self, text: str) -> list[Request]:
        """Runs on all partitions, each in a model call; of several steps: in its second."""
        before, calls = self.models.calls, 2 if text is LONG else 1
        requests = await self._send(text)
        count = len(requests)
        await _until(
            lambda: self.models.calls - before >= calls * count and self.models.in_flight > 0,
            "the runs are not under way",
        )
        return requests

    async def _send(self, text: str) -> list[Request]:
        terms = self.staff.terms
        made = make_requests(TENANTS, terms.partitions, AGENT, text)
        requests = on_each_partition(made, terms.partitions, EACH)
        await topics.write(terms, requests)
        self._answered += len(requests)
        return requests

    async def _kill(self, name: str) -> datetime:
        worker = self.staff.workers.pop(name)
        at = datetime.now(UTC)
        worker.kill()
        await worker.ended()
        return at

    async def _resumed(self, runs: Collection[Request], killed: datetime) -> Standstill:
        await self._all_answered()
        return _standstill(killed, self._calls(runs), runs, AGAIN)

    async def _all_answered(self) -> None:
        moved_s = time.perf_counter()
        while self.answers.count < self._answered:
            for worker in self.staff.workers.values():
                worker.require_running()
            if await self.answers.more():
                moved_s = time.perf_counter()
            elif time.perf_counter() - moved_s > PATIENCE_S:
                raise BenchFailed(f"{self._answered - self.answers.count} requests are not answered")

    def _calls(self, requests: Collection[Request]) -> list[Call]:
        assert self.models.ledger_path is not None
        return calls_of(ledger.read(self.models.ledger_path), {one.request_id for one in requests})


def _standstill(
    since: datetime, calls: Collection[Call], runs: Collection[Request], least_attempt: int
) -> Standstill:
    went_on = first_calls(calls, least_attempt)
    if not went_on:
        raise BenchFailed(f"none of {len(runs)} runs was interrupted")
    waits = [(at - since).total_seconds() for at in went_on.values()]
    return Standstill(min(waits), max(waits), len(waits))


async def _until(condition: Callable[[], bool], otherwise: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise BenchFailed(f"{otherwise} after {PATIENCE_S:g} s") from None
