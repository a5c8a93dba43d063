"""Sessions that stand beside the journals: read once for a request, added to once when it is decided.

The outcome is decided first, and holds the turn; then the turn is added, then the outcome is published.
Whoever finds an outcome decided and not published does both, so what a crash left out is made up for.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from agents_defs.agent_spec import AgentSpec
from streams.journal import Patience
from streams.ports import Begun, RunKey, RunStore, SessionStore, SessionTurn, Told
from streams.session_marks import SessionMark, decoded

MARK: Final = "s:mark"
NO_DATABASE: Final = "its session stands in a database, and this worker has none: set PENSTOCK_SESSIONS_URL"
Whose = tuple[str, str]


@dataclass(frozen=True, slots=True)
class LateTurn:
    """A turn that is added after its outcome was decided."""

    run: RunKey
    turn: SessionTurn
    mark: SessionMark

    def described(self) -> dict[str, Any]:
        """As JSON, to stand with the outcome."""
        run, turn, mark = self.run, self.turn, self.mark
        return {
            "run": [run.tenant_id, run.request_id, run.attempt, run.token, run.generation],
            "turn": [turn.session_id, list(turn.items), turn.anew, turn.ttl_s],
            "mark": [mark.epoch, mark.upto, mark.turns],
        }


def late_turn(told: Mapping[str, Any]) -> LateTurn:
    """The turn again."""
    return LateTurn(RunKey(*told["run"]), SessionTurn(*told["turn"]), SessionMark(*told["mark"]))


class NoConversations(Exception):
    """An agent keeps its sessions in a store that this worker does not have."""


class Conversations:
    """Of one worker. Who reads a session waits for what is being added to it."""

    def __init__(self, store: SessionStore | None, runs: RunStore, patience: Patience) -> None:
        self._store: Final = store
        self._runs: Final = runs
        self._patience: Final = patience
        self._adding: dict[Whose, asyncio.Future[None]] = {}

    def lacking(self, late: LateTurn | None) -> str | None:
        """Why this turn cannot be added by this worker, ever; None: it can, or there is none."""
        return NO_DATABASE if late is not None and self._store is None else None

    async def recalled(self, run: RunKey, session_id: str, begun: Begun, *, severed: bool) -> Begun:
        """What is known of the run, with its session. Raises RunLost.

        `severed`: the store of journals was emptied, so nothing can be noted there.
        """
        store, raw = self._required(), begun.entries.get(MARK)
        await self._settled((run.tenant_id, session_id))
        mark = None if raw is None else decoded(raw)
        found = await self._patience.asked(lambda: store.read(run, session_id, mark))
        noted = found.mark.encoded()
        if raw is None and not severed:
            await self._patience.asked(lambda: self._runs.record(run, Told({MARK: noted}), 0))
        return replace(
            begun,
            entries={**begun.entries, MARK: noted},
            session_items=found.items,
            session_lost=found.lost,
        )

    async def add(self, late: LateTurn) -> None:
        """Once, however often it is asked for. Call it without waiting for anything since it was decided."""
        store, whose = self._required(), (late.run.tenant_id, late.turn.session_id)
        before = self._adding.get(whose)
        added: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._adding[whose] = added
        try:
            if before is not None:
                await asyncio.shield(before)
            await self._patience.asked(lambda: store.add(late.run, late.turn, late.mark))
        finally:
            added.set_result(None)
            if self._adding.get(whose) is added:
                del self._adding[whose]

    async def _settled(self, whose: Whose) -> None:
        """An outcome that an earlier worker left behind may be on its way, in a task beside the session."""
        while (adding := self._adding.get(whose)) is not None:
            await asyncio.shield(adding)

    def _required(self) -> SessionStore:
        if self._store is None:
            raise NoConversations(NO_DATABASE)
        return self._store


def stands_beside(spec: AgentSpec) -> bool:
    """Whether the agent's sessions stand beside the journals."""
    return spec.memory.store == "sql"


def mark_of(begun: Begun) -> SessionMark | None:
    """Up to where the run read its session, if that stands beside the journals."""
    raw = begun.entries.get(MARK)
    return None if raw is None else decoded(raw)
