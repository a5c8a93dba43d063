"""The workers of one round: as many as there should be, whatever happens to them."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import psutil

from streams.options import KafkaOptions
from tests.broker.crew import WorkerProcess
from tests.broker.nursery import Nursery, exit_code_path
from tests.chaos.points import NOTHING, Order

KEEP_S = 0.02
AGAIN_S = 0.5
READY_S = 60.0
END_S = 15.0
DEAD = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
# A limit that nobody reaches; of a second, for after a flush a longer one would be taken for full for longer.
TIERS: Final = Path(__file__).parent / "tiers.json"


class Roster:
    """Starts workers, and another one wherever one has ended."""

    def __init__(self, nursery: Nursery, folder: Path, environment: dict[str, str], static: bool) -> None:
        self._nursery: Final = nursery
        self._folder: Final = folder
        self._environment: Final = environment
        self._static: Final = static
        self.mutants: tuple[str, ...] = ()
        self.workers: dict[str, WorkerProcess] = {}  # by the name of their place
        self.extra: list[WorkerProcess] = []  # who works beside them, or was replaced while it was frozen
        self.gave_up: list[str] = []  # logs of workers that ended by themselves
        self._born = 0
        self._keeper: asyncio.Task[None] | None = None

    def start(self, number: int) -> None:
        """Bring up so many, and keep them up."""
        for place in range(number):
            self.workers[f"w-{place}"] = self.bear(f"w-{place}")
        self._keeper = asyncio.create_task(self._keep())

    def bear(self, name: str) -> WorkerProcess:
        """One worker process."""
        log = self._folder / f"worker-{self._born}.log"
        self._born += 1
        names = {"PENSTOCK_WORKER_ID": name} if self._static else {}
        orders = [str(order_path(log)), *self.mutants]
        return WorkerProcess(self._nursery.bear(orders, self._environment | names, log), log)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_S)
            for name, worker in self.workers.items():
                if not alive(worker):
                    if gave_up(worker):
                        self.gave_up.append(worker.log_path.name)
                        await asyncio.sleep(AGAIN_S)  # one that cannot start is not tried without end
                    self.workers[name] = self.bear(name)

    async def ready(self) -> None:
        """Wait until each says that it is."""
        until = time.monotonic() + READY_S
        while not all([await asyncio.to_thread(is_ready, worker) for worker in self.workers.values()]):
            if time.monotonic() > until:
                logs = {name: worker.log[-2000:] for name, worker in self.workers.items()}
                raise AssertionError(f"workers do not become ready: {logs}")
            await asyncio.sleep(0.05)

    def replace(self, name: str) -> None:
        """Another one takes its place and its name; it is left as it is."""
        self.extra.append(self.workers[name])
        self.workers[name] = self.bear(name)

    def everybody(self) -> list[WorkerProcess]:
        """All who may be alive."""
        return [*self.workers.values(), *self.extra]

    async def retire(self) -> None:
        """Stop them in order, then by force."""
        await self._stop_keeping()
        for worker in self.everybody():
            if alive(worker):
                worker.thaw()
                worker.terminate()
        until = time.monotonic() + END_S
        while any(alive(worker) for worker in self.everybody()) and time.monotonic() < until:
            await asyncio.sleep(0.05)
        self.kill()

    async def _stop_keeping(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper

    def kill(self) -> None:
        """Nobody is left behind."""
        if self._keeper is not None:
            self._keeper.cancel()
        for worker in self.everybody():
            with contextlib.suppress(ProcessLookupError):
                worker.kill()


def order_path(log: Path) -> Path:
    """Where a worker looks for orders."""
    return log.with_suffix(".order")


def gave_up(worker: WorkerProcess) -> bool:
    """Whether it ended by itself, and not because it was told to."""
    left = exit_code_path(worker.log_path)
    return left.exists() and left.read_text() != "0"


def alive(worker: WorkerProcess) -> bool:
    """Whether it runs, or is frozen."""
    try:
        return psutil.Process(worker.pid).status() not in DEAD
    except psutil.NoSuchProcess:
        return False


def frozen(worker: WorkerProcess) -> bool:
    """Whether it stands still."""
    try:
        return bool(psutil.Process(worker.pid).status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False


def is_ready(worker: WorkerProcess) -> bool:
    """By its own account."""
    return alive(worker) and worker.get("/readyz") == 200


async def strike(worker: WorkerProcess, order: Order, within_s: float) -> float | None:
    """Have it die or freeze at a point; when that was, or None where it did not come by in time."""
    path = order_path(worker.log_path)
    order.write(path)
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if frozen(worker) if order.action == "freeze" else not alive(worker):
            return time.monotonic()
        await asyncio.sleep(0.005)
    NOTHING.write(path)
    return None


def environment(kafka: KafkaOptions, redis_url: str, models_at: str) -> dict[str, str]:
    """What workers are told."""
    return {
        "PENSTOCK_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "PENSTOCK_TOPIC_PREFIX": kafka.topic_prefix,
        "PENSTOCK_APP_ID": kafka.app_id,
        "PENSTOCK_PARTITIONS": str(kafka.partitions),
        "PENSTOCK_SESSION_TIMEOUT_S": str(kafka.session_timeout_s),
        "PENSTOCK_REDIS_URL": redis_url,
        "PENSTOCK_HTTP_BIND": "127.0.0.1:0",
        "PENSTOCK_LOG_FORMAT": "json",
        "PENSTOCK_TIERS_FILE": str(TIERS),
        "PENSTOCK_MAX_IN_FLIGHT": "200",
        "PENSTOCK_PARK_AFTER_S": "1",  # so that a long run is parked while it goes on
        "OPENAI_API_KEY": "any-key-will-do",
        "OPENAI_BASE_URL": models_at,
    }


def active_runs(worker: WorkerProcess) -> int | None:
    """The gauge of the runs that it has under way; None where it does not say."""
    starting = worker.lines("worker starting")
    if not starting:
        return None
    try:
        with urlopen(f"http://{starting[-1]['http']}/metrics", timeout=2) as answer:
            text = answer.read().decode()
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("agent_active_runs "):
            return int(float(line.split()[1]))
    return None
