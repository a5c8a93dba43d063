"""A run store in memory, over the memory of the claim store; it can go away and hold its answers back."""

import asyncio
import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.testing.memory_claims import ClaimMemory, Items, Journal, Marker, own_marker
from app.testing.memory_sessions import size_of
from streams.policy.gates import NOTHING_SPENT, Spending
from streams.policy.session_size import MOST_BYTES, leaving
from streams.ports import Begun, RunKey, SessionTurn, StoreUnavailable, Told


class StandsForAll(list[dict[str, Any]]):
    """The items of a turn that stand for all that was said before it, too."""


class MemoryRuns:
    """One worker's client of such a store. Hand it the memory of its MemoryClaims."""

    def __init__(
        self,
        memory: ClaimMemory | None = None,
        now_ms: Callable[[], int] = lambda: 0,
        session_bytes: int = MOST_BYTES,
    ) -> None:
        self._now_ms = now_ms
        self._session_bytes = session_bytes
        self.memory = memory if memory is not None else ClaimMemory()
        self.away = False
        self.left: list[tuple[RunKey, float]] = []
        self._gate = asyncio.Event()
        self._gate.set()

    def hold(self) -> None:
        """Do nothing until `let_go`."""
        self._gate.clear()

    def let_go(self) -> None:
        """Go on."""
        self._gate.set()

    async def begin(self, run: RunKey, agent_version: int, session_id: str | None) -> Begun:
        """An attempt begins: it counts as crashed until `decide` or `leave`."""
        await self._require()
        self._own_marker(run)
        journal = self._journal(run)
        if journal.agent_version is None:
            journal.agent_version = agent_version
        journal.generation = max(journal.generation, run.generation)
        this = (run.generation, run.attempt)
        journal.begun.add(this)
        journal.ended.discard(this)
        items, session_lost = self._session(run, journal, session_id)
        return Begun(
            {name: entry for name, entry in journal.entries.items() if not name.startswith("@")},
            items,
            session_lost,
            journal.agent_version,
            len(journal.begun - journal.ended - {this}),
            journal.turns_out,
        )

    async def record(self, run: RunKey, told: Told, turns_out: int) -> None:
        """Add to the journal."""
        await self._require()
        self._own_marker(run)
        journal = self._told(run, told)
        journal.turns_out = max(journal.turns_out, turns_out)

    async def decide(
        self, run: RunKey, outcome: bytes, turn: SessionTurn | None, spent: Spending = NOTHING_SPENT
    ) -> None:
        """This is the outcome of the request; its turn is added to the session."""
        await self._require()
        marker = self._own_marker(run, decided=True)
        if marker.stage == "decided":
            return
        journal = self._journal(run)
        marker.stage = "decided"
        self._settle(run, spent, over=True)
        if not spent.requests:
            self.memory.give_back((run.tenant_id, run.request_id, run.generation))
        journal.outcomes[run.generation] = outcome
        journal.ended.add((run.generation, run.attempt))
        if turn is not None and journal.session is not None:  # else it was deleted since
            turns = self.memory.sessions.setdefault((run.tenant_id, turn.session_id), [])
            if _is_last(turns, run):
                turns.pop()
            items = copy.deepcopy(list(turn.items))
            turns.append((run.request_id, StandsForAll(items) if turn.anew else items))
            self._shorten((run.tenant_id, turn.session_id), turns)

    async def leave(self, run: RunKey, keep_s: float, spent: Spending = NOTHING_SPENT) -> None:
        """The attempt stops in order, without an outcome."""
        await self._require()
        journal = self.memory.journals.get((run.tenant_id, run.request_id))
        if journal is not None and (run.generation, run.attempt) in journal.begun:
            journal.ended.add((run.generation, run.attempt))
        self._own_marker(run, decided=True)
        self._settle(run, replace(spent, runs=1), over=False)  # it ran, or will
        self.left.append((run, keep_s))

    def _settle(self, run: RunKey, spent: Spending, *, over: bool) -> None:
        key = (run.tenant_id, run.request_id, run.generation)
        self.memory.settle(key, spent, self._now_ms(), over=over)

    async def delete_session(self, tenant_id: str, session_id: str) -> None:
        """An operator deletes it, with the journals of its requests."""
        self.memory.sessions.pop((tenant_id, session_id), None)
        for (tenant, _), journal in self.memory.journals.items():
            if tenant == tenant_id and journal.session is not None and journal.session[0] == session_id:
                journal.session = None
                journal.entries.clear()

    async def _require(self) -> None:
        await self._gate.wait()
        if self.away:
            raise StoreUnavailable("it is away")

    def _own_marker(self, run: RunKey, decided: bool = False) -> Marker:
        return own_marker(self.memory, run, decided=decided)

    def _journal(self, run: RunKey) -> Journal:
        return self.memory.journals.setdefault((run.tenant_id, run.request_id), Journal())

    def _told(self, run: RunKey, told: Told) -> Journal:
        journal = self._journal(run)
        if told.opens:
            if journal.agent_version is None:
                journal.agent_version = told.opens
            journal.begun.add((run.generation, run.attempt))
        for name, entry in told.entries.items():
            if entry is None:
                journal.entries.pop(name, None)
            else:
                journal.entries[name] = entry
        return journal

    def _session(self, run: RunKey, journal: Journal, session_id: str | None) -> tuple[Items, bool]:
        if session_id is None:
            return [], False
        whose = (run.tenant_id, session_id)
        turns, gone = self.memory.sessions.get(whose, []), self.memory.gone.get(whose, 0)
        if journal.session is None:
            journal.session = (session_id, len(turns) - _is_last(turns, run), gone)
        _, read, first = journal.session
        known = turns[: max(0, first + read - gone)]
        told: Items = []
        for _, items in known:
            told = [*([] if isinstance(items, StandsForAll) else told), *copy.deepcopy(items)]
        return told, len(known) < read

    def _shorten(self, whose: tuple[str, str], turns: list[tuple[str, Items]]) -> None:
        number = leaving([size_of(items) for _, items in turns], self._session_bytes)
        del turns[:number]
        self.memory.gone[whose] = self.memory.gone.get(whose, 0) + number


def _is_last(turns: list[tuple[str, Items]], run: RunKey) -> bool:
    """Whether an attempt that came to no outcome left its turn behind, which then is replaced."""
    return run.generation == 0 and bool(turns) and turns[-1][0] == run.request_id
