"""One real Kafka and one real Redis for the length of a bench."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.brokers import redis
from app.brokers.kafka import KafkaBroker, KafkaOptions

CACHE = Path(__file__).parents[1] / ".penstock"
HEAP_MB = 1024


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are, and what they are."""

    bootstrap: str
    redis_url: str
    versions: str


@contextmanager
def running() -> Iterator[Servers]:
    """Both servers, on free ports and empty, in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        kafka = KafkaBroker(KafkaOptions(data_dir=home / "kafka", cache=CACHE, heap_mb=HEAP_MB))
        store = redis.RedisServer(redis.RedisOptions(data_dir=home / "redis"))
        try:
            handle, found = kafka.start(), store.start()
            versions = f"Apache Kafka {handle.version}, Redis {found.version} (fsync every second)"
            yield Servers(handle.bootstrap, found.url, versions)
        finally:
            store.stop()
            kafka.stop()
