"""A store of sessions in memory; it can go away, and forget a session's time."""

import asyncio
import copy
import json
from dataclasses import dataclass, field
from typing import Any

from streams.policy.session_size import MOST_BYTES, leaving
from streams.ports import Recalled, RunKey, SessionTurn, StoreUnavailable
from streams.session_marks import SessionMark

Items = list[dict[str, Any]]


def size_of(items: Items) -> int:
    """In bytes, about as a store would keep them."""
    return len(json.dumps(items, default=str))


@dataclass
class Kept:
    """One session."""

    epoch: int = 0
    turns: list[tuple[int, tuple[str, int], bool, Items]] = field(default_factory=list)
    gone: set[tuple[str, int]] = field(default_factory=set)  # whose turns have left for want of room


class MemorySessions:
    """One store, however many workers use it."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self.kept: dict[tuple[str, str], Kept] = {}
        self.away = False
        self.added: list[str] = []  # requests whose turn somebody wanted to add, as often as they did
        self.gate: asyncio.Event | None = None  # whoever adds waits at the gate that it finds
        self._number = 0

    async def read(self, run: RunKey, session_id: str, mark: SessionMark | None) -> Recalled:
        """The session as it is, without what this run may have added; or with a mark, as it was then."""
        self._require()
        session = self.kept.get((run.tenant_id, session_id), Kept())
        if mark is not None and mark.epoch != session.epoch:
            return Recalled([], mark, mark.turns > 0)
        own = (run.request_id, run.generation)
        turns = [one for one in session.turns if one[1] != own and (mark is None or one[0] <= mark.upto)]
        items: Items = []
        for _, _, anew, said in turns:
            items = [*([] if anew else items), *copy.deepcopy(said)]
        if mark is None:
            mark = SessionMark(session.epoch, turns[-1][0] if turns else 0, len(turns))
        return Recalled(items, mark, len(turns) < mark.turns)

    async def add(self, run: RunKey, turn: SessionTurn, mark: SessionMark) -> None:
        """Once for each request and generation. Not to a session that was deleted since the mark was made."""
        self._require()
        self.added.append(run.request_id)
        if self.gate is not None:
            await self.gate.wait()
        session = self.kept.setdefault((run.tenant_id, turn.session_id), Kept(mark.epoch))
        own = (run.request_id, run.generation)
        known = session.gone.union(one[1] for one in session.turns)
        if session.epoch != mark.epoch or own in known:
            return
        self._number += 1
        session.turns.append((self._number, own, turn.anew, copy.deepcopy(list(turn.items))))
        number = leaving([size_of(one[3]) for one in session.turns], self._most_bytes)
        session.gone.update(one[1] for one in session.turns[:number])
        del session.turns[:number]

    async def delete(self, tenant_id: str, session_id: str) -> int:
        """How many turns are gone. What runs that began before would add is not added any more."""
        self._require()
        session = self.kept.setdefault((tenant_id, session_id), Kept())
        gone, session.turns = len(session.turns), []
        session.epoch += 1
        return gone

    def _require(self) -> None:
        if self.away:
            raise StoreUnavailable("it is away")
