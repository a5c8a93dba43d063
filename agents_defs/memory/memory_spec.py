"""MemorySpec: what an agent remembers, where, for how long, and how much of it a model is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

SessionPlace = Literal["redis", "sql", "none"]
Compaction = Literal["trim", "summary"]


class BadMemory(ValueError):
    """A MemorySpec that cannot be meant."""


@dataclass(frozen=True, slots=True)
class FactLimits:
    """How much may be remembered of one user."""

    most: int = 200  # facts
    longest: int = 1000  # characters of one

    def __post_init__(self) -> None:
        if self.most < 1 or self.longest < 1:
            raise BadMemory("facts: `most` and `longest` are at least 1")


@dataclass(frozen=True, slots=True)
class MemorySpec:
    """How an agent's conversations are kept. A change of it is a new version of the agent."""

    store: SessionPlace = "redis"
    ttl_s: float | None = None  # after the session's last turn; None: PENSTOCK_SESSION_DAYS
    token_budget: int | None = None  # of history and input together; None: all of it is told
    compaction: Compaction = "trim"  # what is done about a history that is beyond it
    facts: FactLimits = FactLimits()

    def __post_init__(self) -> None:
        if self.store not in get_args(SessionPlace):
            raise BadMemory(f"store={self.store!r}: must be redis, sql or none")
        if self.compaction not in get_args(Compaction):
            raise BadMemory(f"compaction={self.compaction!r}: must be trim or summary")
        if self.ttl_s is not None and self.ttl_s < 1:
            raise BadMemory(f"ttl_s={self.ttl_s:g}: must be at least a second")
        if self.token_budget is not None and self.token_budget < 1:
            raise BadMemory(f"token_budget={self.token_budget}: must be at least 1")


BY_DEFAULT = MemorySpec()
