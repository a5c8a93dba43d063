"""The named points of a worker at which it may be told to die or to freeze, and how it is told."""

import importlib
import inspect
import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final, Literal

Action = Literal["die", "freeze"]
Side = Literal["before", "after"]
SIGNALS: Final[Mapping[str, signal.Signals]] = {"die": signal.SIGKILL, "freeze": signal.SIGSTOP}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a worker does for a request: a method, which begins and ends at a point each."""

    name: str
    place: str  # module:Class.method

    def resolve(self) -> tuple[type, str, Callable[..., Any]] | None:
        """Its class, name and function; None where the product has no such step (yet)."""
        module_name, _, path = self.place.partition(":")
        owner, _, method = path.partition(".")
        try:
            owning = getattr(importlib.import_module(module_name), owner)
            return owning, method, getattr(owning, method)  # also where it is inherited
        except (ImportError, AttributeError):
            return None


# One line each: a new step of the product is a new line here, and is crashed before and after from then on.
STEPS: Final = (
    Step("claim", "app.adapters.redis_claims:RedisClaims.claim"),
    Step("begin of a transaction", "app.adapters.fenced_producer:FencedProducer.begin_transaction"),
    Step("records of a transaction", "app.adapters.kafka_outbox:KafkaOutbox._hand_over"),
    Step("offsets of a transaction", "app.adapters.fenced_producer:FencedProducer.commit_offsets"),
    Step("commit of a transaction", "app.adapters.fenced_producer:FencedProducer.commit_transaction"),
    Step("remember", "app.adapters.redis_claims:RedisClaims.answer"),
    Step("ack", "streams.tracker:Tracker.release"),
    Step("delta settle", "app.adapters.kafka_deltas:KafkaDeltas.settle"),
    Step("journal begin", "app.adapters.redis_runs:RedisRuns.begin"),
    Step("journal write", "app.adapters.redis_runs:RedisRuns.record"),
    Step("decide", "app.adapters.redis_runs:RedisRuns.decide"),  # with the session's turn, in one step
    Step("park", "streams.parking:Parking.park"),
)


@dataclass(frozen=True, slots=True)
class Point:
    """One side of a step."""

    side: Side
    step: str

    @property
    def name(self) -> str:
        """As it is told: `before commit of a transaction`."""
        return f"{self.side} {self.step}"


def points() -> list[Point]:
    """All points that the product has."""
    return [
        Point(side, step.name)
        for step in STEPS
        if step.resolve() is not None
        for side in (("before", "after"))  # type: Side
    ]


def missing() -> list[str]:
    """Steps that the product does not have (yet)."""
    return [step.name for step in STEPS if step.resolve() is None]


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is told: at the n-th pass of this point from now on, do that."""

    point: str
    action: Action
    passes: int = 1

    def write(self, path: Path) -> None:
        """Tell it; it looks at each point."""
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)))
        fresh.replace(path)


NOTHING: Final = Order("", "die")


class Trap:
    """Lies in wait inside a worker."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._order = NOTHING
        self._passed = 0

    def passed(self, point: str) -> bool:
        """Whether the order is to be carried out here and now."""
        if self._path.exists():
            self._order, self._passed = Order(**json.loads(self._path.read_text())), 0
            self._path.unlink(missing_ok=True)
        if point != self._order.point:
            return False
        self._passed += 1
        return self._passed == self._order.passes

    def spring(self, point: str) -> None:
        """At a point: carry out the order, if it is due. A frozen worker goes on from here."""
        if self.passed(point):
            os.kill(os.getpid(), SIGNALS[self._order.action])


def lay(trap: Trap) -> None:
    """Wrap every step, in this process."""
    for step in STEPS:
        found = step.resolve()
        if found is not None:
            owner, method, function = found
            setattr(owner, method, _wrapped(function, step.name, trap))


def _wrapped(function: Callable[..., Any], name: str, trap: Trap) -> Callable[..., Any]:
    before, after = Point("before", name).name, Point("after", name).name
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def waited(*args: Any, **kwargs: Any) -> Any:
            trap.spring(before)
            result = await function(*args, **kwargs)
            trap.spring(after)
            return result

        return waited

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        trap.spring(before)
        result = function(*args, **kwargs)
        trap.spring(after)
        return result

    return called
