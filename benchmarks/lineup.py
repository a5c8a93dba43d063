"""Who is measured: how each contestant is started, fed and read."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from benchmarks import topics
from benchmarks.answers import Answers, Identify, correlation_id, request_id
from benchmarks.conversation import AGENT
from benchmarks.environments import CALFKIT as CALFKITS
from benchmarks.servers import Servers
from benchmarks.terms import Delivery, Terms
from benchmarks.worker_process import ROOT, BenchFailed

PRODUCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to run agents behind Kafka."""

    name: str
    title: str
    module: str
    delivery: Delivery
    create_topics: Callable[[Terms], Awaitable[None]]
    produce: Callable[[Terms, int, int], Awaitable[None]]
    identify: Identify
    python: Callable[[], Awaitable[str]]

    def terms(self, servers: Servers, name: str = "") -> Terms:
        """What its processes are told; `name` sets a deployment apart from others of the same contestant."""
        return Terms(servers.bootstrap, servers.redis_url, name or self.name, delivery=self.delivery)

    def answers(self, terms: Terms) -> Answers:
        """A reader of its answers."""
        return Answers(terms, self.identify)


async def _this_python() -> str:
    return sys.executable


async def _create_calfkits(terms: Terms) -> None:
    # What else it needs it makes itself; these two only with as many partitions as everybody's.
    await topics.create(terms, (f"agent.{AGENT}.private.input", terms.responses))


async def _produce_calfkits(terms: Terms, count: int, _: int) -> None:
    """Its client writes them, for only it knows their form; they have no tenant."""
    process = await asyncio.create_subprocess_exec(
        await CALFKITS.build(),
        *("-m", "benchmarks.contestants.calfkit_requests", terms.to_json(), "-1", str(count)),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    if await asyncio.wait_for(process.wait(), PRODUCE_S):
        raise BenchFailed(f"calfkit's producer ended with {process.returncode}")


def _penstock(name: str, title: str, delivery: Delivery) -> Contestant:
    return Contestant(
        name,
        title,
        "benchmarks.contestants.penstock",
        delivery,
        topics.create_penstocks,
        topics.produce,
        request_id,
        _this_python,
    )


BARE_RUNNER = "benchmarks.contestants.bare_runner"
DBOS_MODULE = "benchmarks.contestants.dbos"

BARE = Contestant(
    "bare",
    "bare aiokafka loop",
    "benchmarks.contestants.bare_kafka",
    "plain",
    topics.create_requests_and_responses,
    topics.produce,
    request_id,
    _this_python,
)
PLAIN = _penstock("plain", "Penstock, plain", "plain")
TRANSACTIONAL = _penstock("transactional", "Penstock, transactional", "transactional")
CALFKIT = Contestant(
    "calfkit",
    "calfkit 0.13",
    "benchmarks.contestants.calfkit",
    "plain",
    _create_calfkits,
    _produce_calfkits,
    correlation_id,
    CALFKITS.build,
)
