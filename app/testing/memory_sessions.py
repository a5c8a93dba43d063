"""A store of sessions in memory; it can go away, and forget a session's time."""

import asyncio
import copy
from dataclasses import dataclass, field
from typing import Any

from streams.ports import Recalled, RunKey, SessionTurn, StoreUnavailable
from streams.session_marks import SessionMark

Items = list[dict[str, Any]]


@dataclass
class Kept:
    """One session."""

    epoch: int = 0
    turns: list[tuple[int, tuple[str, int], bool, Items]] = field(default_factory=list)


class MemorySessions:
    """One store, however many workers use it."""

    def __init__(self) -> None:
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
        if session.epoch != mark.epoch or any(one[1] == own for one in session.turns):
            return
        self._number += 1
        session.turns.append((self._number, own, turn.anew, copy.deepcopy(list(turn.items))))

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
