"""What the node holds while it runs; all of it ends with the process."""

import time
from dataclasses import dataclass, field

from app.brokers.node.groups import Groups
from app.brokers.node.topics import Topics
from app.brokers.node.transactions import Transactions

NODE_ID = 1
CLUSTER_ID = "penstock-embedded"


def timestamp_ms() -> int:
    """The time as Kafka writes it into records."""
    return int(time.time() * 1000)


def now() -> float:
    """Monotonic seconds, for everything that times out."""
    return time.monotonic()


@dataclass(slots=True)
class Node:
    """A single broker: its address, its topics, its groups, its transactions."""

    host: str
    port: int
    topics: Topics = field(default_factory=Topics)
    groups: Groups = field(default_factory=Groups)
    transactions: Transactions = field(init=False)

    def __post_init__(self) -> None:
        self.transactions = Transactions(self.topics, self.groups, timestamp_ms)

    def expire(self) -> None:
        """Let time pass: sessions, rebalances and transactions that took too long."""
        self.groups.expire(now())
        self.transactions.expire(now())
