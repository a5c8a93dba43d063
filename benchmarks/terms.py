"""What one worker process is told when it starts, and what it may say; passed as JSON."""

import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import Any, Literal

Delivery = Literal["plain", "transactional"]


@dataclass(frozen=True, slots=True)
class Terms:
    """The same for every contestant; each takes what it has a use for."""

    bootstrap: str
    redis_url: str
    name: str  # prefix of its topics, and its consumer group
    partitions: int = 12
    in_flight: int = 100
    latency_s: float = 0.0
    delivery: Delivery = "plain"
    warm_up: int = 0  # only who reads no topic needs to know how many runs there will be
    runs: int = 0
    tool_calls: int = 0  # of the model in each run, before it answers
    postgres_url: str = ""  # for who keeps its state there
    gather: int = 0  # hold every model call until there are this many
    sampled: bool = False  # sample what the CPU time goes into

    @property
    def requests(self) -> str:
        """The topic it reads."""
        return f"{self.name}.requests"

    @property
    def responses(self) -> str:
        """The topic it writes its answers to."""
        return f"{self.name}.responses"

    def to_json(self) -> str:
        """For the command line of the worker process."""
        return json.dumps(asdict(self))


def terms_of_this_process() -> Terms:
    """What our parent told us."""
    return Terms(**json.loads(sys.argv[1]))


def tell_parent(event: str, **fields: Any) -> None:
    """One line of JSON on the pipe that our parent reads; standard output is for logs, as everywhere."""
    os.write(int(sys.argv[2]), (json.dumps({"event": event, **fields}) + "\n").encode())
