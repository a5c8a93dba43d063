"""A conversation store in memory, which can go away."""

import copy
from collections.abc import Sequence
from typing import Any

from streams.ports import StoreUnavailable

Items = list[dict[str, Any]]


class MemoryConversations:
    """All sessions, by tenant and session."""

    def __init__(self) -> None:
        self.turns: dict[tuple[str, str], list[tuple[str, Items]]] = {}
        self.away = False

    async def read(self, tenant_id: str, session_id: str, request_id: str) -> Items:
        """The items of earlier turns."""
        self._require()
        turns = self.turns.get((tenant_id, session_id), [])
        return [copy.deepcopy(item) for turn, items in turns if turn != request_id for item in items]

    async def append(
        self, tenant_id: str, session_id: str, request_id: str, items: Sequence[dict[str, Any]]
    ) -> None:
        """Add the turn of one request."""
        self._require()
        turns = self.turns.setdefault((tenant_id, session_id), [])
        if turns and turns[-1][0] == request_id:
            turns.pop()
        turns.append((request_id, copy.deepcopy(list(items))))

    def _require(self) -> None:
        if self.away:
            raise StoreUnavailable("it is away")
