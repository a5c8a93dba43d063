"""What the demo runs on: a broker, a Redis, the topics and a worker, all ending with it."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp

from app import provision
from app.brokers.broker import Broker, BrokerHandle
from app.brokers.redis import RedisOptions, RedisServer
from app.demo.script import REQUESTS_PER_MINUTE
from app.settings import Settings, load

READY_S = 45.0
STOP_S = 20.0
POLL_S = 0.1
PARTITIONS = 4

Tell = Callable[[str], None]


class StageFailed(Exception):
    """Something of the stage did not come up; the message says what."""


@dataclass(frozen=True, slots=True)
class Cast:
    """What the demo is to be played with."""

    broker: Callable[[Path], Broker]
    live: bool  # a real provider instead of the offline model
    delivery: str | None  # None: the best that the broker can
    patterns: bool = False  # with the examples of patterns


class Stage:
    """Builds everything up, and takes it down however the demo ends."""

    def __init__(self, cast: Cast, tell: Tell) -> None:
        self._cast: Final = cast
        self._tell: Final = tell
        self._folder = tempfile.TemporaryDirectory(prefix="penstock-demo-", ignore_cleanup_errors=True)
        home = Path(self._folder.name)
        self._broker = cast.broker(home / "broker")
        self._redis = RedisServer(RedisOptions(data_dir=home / "redis", prefer_bundled=True))
        self._worker: asyncio.subprocess.Process | None = None
        self._log = home / "worker.log"
        self.settings: Settings = Settings()
        self.handle: BrokerHandle | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._build()
        except BaseException:
            await self._clear()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._clear()

    async def _build(self) -> None:
        self.handle = await asyncio.to_thread(self._broker.start)
        self._tell(f"{self.handle.kind} broker {self.handle.version} at {self.handle.bootstrap}")
        redis = await asyncio.to_thread(self._redis.start)
        self._tell(f"Redis {redis.version} at {redis.url}")
        delivery = self._cast.delivery or ("transactional" if self.handle.transactions else "plain")
        self.settings = load(
            kafka_bootstrap=self.handle.bootstrap,
            redis_url=redis.url,
            delivery=delivery,
            partitions=PARTITIONS,
            model_provider="openai" if self._cast.live else "offline",
            offline_delay_ms=15,
            requests_per_minute=REQUESTS_PER_MINUTE,
            http_bind=f"127.0.0.1:{_free_port()}",
            session_timeout_s=6.0,
            signatures="off",  # its own requests are not signed, whatever the environment says of others
            control_trust="acl",
            patterns=self._cast.patterns,
        )
        created = await provision.create(self.settings.stream().kafka)
        self._tell(f"{len(created)} topics of {PARTITIONS} partitions")
        await self._start_worker()
        self._tell(
            f"a worker, {delivery} delivery, {self._model()}, metrics at http://{self.settings.http_bind}"
        )

    def _model(self) -> str:
        return self.settings.model_standard if self._cast.live else "the offline model"

    async def _start_worker(self) -> None:
        environment = dict(os.environ)  # noqa: TID251  handed on whole, with ours in front
        given = self.settings.model_dump(exclude_unset=True, exclude={"openai_api_key", "openai_base_url"})
        environment.update({f"PENSTOCK_{name.upper()}": str(value) for name, value in given.items()})
        with self._log.open("wb") as log:
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "app", "worker", "--tethered"),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
            )
        try:
            async with asyncio.timeout(READY_S):
                await self._ready(self._worker)
        except TimeoutError:
            raise StageFailed(
                f"the worker is not ready after {READY_S:.0f} s: {self._last_words()}"
            ) from None

    async def _ready(self, worker: asyncio.subprocess.Process) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                if worker.returncode is not None:
                    raise StageFailed(f"the worker ended: {self._last_words()}")
                try:
                    async with session.get(f"http://{self.settings.http_bind}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass  # it does not listen yet
                await asyncio.sleep(POLL_S)

    def _last_words(self) -> str:
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return " | ".join(lines[-3:]) or "it said nothing"

    async def _clear(self) -> None:
        if self._worker is not None and self._worker.returncode is None:
            self._worker.terminate()
            try:
                await asyncio.wait_for(self._worker.wait(), STOP_S)
            except TimeoutError:
                self._worker.kill()
        await asyncio.to_thread(self._redis.stop)
        await asyncio.to_thread(self._broker.stop)
        self._folder.cleanup()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
