"""Sessions as operators see them, whichever store they stand in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Store = Literal["redis", "sql"]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session."""

    store: Store
    tenant_id: str
    session_id: str
    turns: int
    expires_at: float  # seconds since 1970


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """What one request added to it."""

    store: Store
    request_id: str
    items: Sequence[dict[str, Any]]
    anew: bool = False  # it stands for all before it, too
    added_at: float | None = None  # None: the store does not know
