"""The servers of the crash matrix: Kafka and Redis, which can be killed, each behind a proxy."""

import asyncio
from pathlib import Path
from typing import Final

import psutil
import redis.asyncio as redis

from app.brokers import ports
from app.brokers.kafka import KafkaBroker, KafkaOptions
from app.brokers.redis import RedisServer
from tests.broker import servers
from tests.chaos.proxy import HOST, Proxy


class TwoDoors(KafkaBroker):
    """A Kafka with a second listener, which tells its clients the address of a proxy."""

    def __init__(self, options: KafkaOptions, proxy_port: int) -> None:
        super().__init__(options)
        self._proxy_port: Final = proxy_port
        self.second_port: Final = ports.free_port()

    def _write_properties(self) -> Path:
        properties = super()._write_properties()
        told = dict(line.split("=", 1) for line in properties.read_text().splitlines() if "=" in line)
        doubled = {
            "listeners": f"{told['listeners']},PROXIED://{HOST}:{self.second_port}",
            "advertised.listeners": f"{told['advertised.listeners']},PROXIED://{HOST}:{self._proxy_port}",
            "listener.security.protocol.map": f"{told['listener.security.protocol.map']},PROXIED:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
        }
        # The last one of a name counts.
        lines = "".join(f"{name}={value}\n" for name, value in doubled.items())
        properties.write_text(properties.read_text() + lines)
        return properties


class Servers:
    """Kafka and Redis for a whole matrix. The driver reaches them directly, the workers through proxies."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self.kafka_proxy: Final = Proxy()
        self.redis_proxy: Final = Proxy()
        self.bootstrap = ""
        self.redis_url = ""
        self.redis_pid = 0
        self._kafka: TwoDoors | None = None
        self._redis: RedisServer | None = None

    async def start(self) -> None:
        """Bring all of it up."""
        proxy_port = await self.kafka_proxy.start()
        await self.redis_proxy.start()
        options = KafkaOptions(self._folder / "kafka", cache=servers.CACHE, short_lived=True)
        self._kafka = TwoDoors(options, proxy_port)
        self._redis = servers.redis_node(self._folder / "redis")
        self.bootstrap = (await asyncio.to_thread(self._kafka.start)).bootstrap
        self.kafka_proxy.aim(self._kafka.second_port)
        await self._start_redis(self._redis)

    async def _start_redis(self, node: RedisServer) -> None:
        handle = await asyncio.to_thread(node.start)
        self.redis_url, self.redis_pid = handle.url, handle.pid
        self.redis_proxy.aim(int(handle.url.rpartition(":")[2].partition("/")[0]))

    @property
    def proxied_bootstrap(self) -> str:
        """Kafka's address for workers."""
        return f"{HOST}:{self.kafka_proxy.port}"

    @property
    def proxied_redis(self) -> str:
        """Redis' address for workers."""
        return f"redis://{HOST}:{self.redis_proxy.port}/0"

    def redis(self) -> "redis.Redis":
        """A client of the driver's own."""
        client: redis.Redis = redis.from_url(self.redis_url)
        return client

    def kill_kafka(self) -> None:
        """kill -9."""
        assert self._kafka is not None
        self._kafka.kill()

    async def revive_kafka(self) -> None:
        """Up again, on the same data."""
        assert self._kafka is not None
        await asyncio.to_thread(self._kafka.restart)

    def kill_redis(self) -> None:
        """kill -9."""
        assert self._redis is not None
        self._redis.kill()

    async def revive_redis(self) -> None:
        """Up again, on the same data."""
        assert self._redis is not None
        await asyncio.to_thread(self._redis.stop)
        await self._start_redis(self._redis)

    def stall_redis(self, stalled: bool) -> None:
        """SIGSTOP, or SIGCONT."""
        process = psutil.Process(self.redis_pid)
        if stalled:
            process.suspend()
        else:
            process.resume()

    async def stop(self) -> None:
        """End all of it."""
        if self._redis is not None:
            self._redis.kill()
        if self._kafka is not None:
            self._kafka.kill()
        await self.kafka_proxy.stop()
        await self.redis_proxy.stop()
