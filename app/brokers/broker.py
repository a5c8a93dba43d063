"""What every broker that Penstock can start looks like from outside."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

BrokerKind = Literal["embedded", "kafka", "docker", "external"]


class BrokerError(Exception):
    """A broker cannot do what was asked; the message is one line that says what to do about it."""


@dataclass(frozen=True, slots=True)
class BrokerHandle:
    """A running broker: where it is and what it can do. Callers adapt to the capabilities, not to `kind`."""

    kind: BrokerKind
    bootstrap: str
    version: str
    pids: tuple[int, ...] = ()
    data_dir: Path | None = None
    log: Path | None = None
    transactions: bool = True
    """Transactional producers work and fence their predecessors."""
    idempotent_producer: bool = True
    """InitProducerId works, hence `enable_idempotence=True` does."""
    creates_topics: bool = True
    """CreateTopics works, with a chosen number of partitions."""
    keeps_data: bool = True
    """Records and committed offsets survive a restart."""


class Broker(Protocol):
    """A broker that can be started and stopped; the three kinds are same-shaped siblings."""

    def start(self, *, detach: bool = False) -> BrokerHandle:
        """Return once it answers. It ends with this process unless detached; raises BrokerError."""

    def stop(self) -> None:
        """End it in order and return once it is gone; without effect when it does not run."""


@contextmanager
def running(broker: Broker) -> Iterator[BrokerHandle]:
    """The broker for the length of a `with` block."""
    try:
        yield broker.start()
    finally:
        broker.stop()
