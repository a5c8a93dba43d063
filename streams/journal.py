"""The journal of one attempt, as the run sees it: it waits for a store that is away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from agents_defs.journal_entries import CALL, calls_of
from agents_defs.run_journal import RunHandedOver, RunLost
from agents_defs.run_order import ModelCall
from agents_defs.run_scope import header_safe
from streams.observations import Observer, StoreAway
from streams.ports import Begun, RunKey, RunStore, StoreUnavailable
from streams.turns import Departure

RETRY_S = 0.1
T = TypeVar("T")


class LiveJournal:
    """Where the store was emptied meanwhile the run goes on without: what it did is in memory still."""

    def __init__(
        self, store: RunStore, key: RunKey, begun: Begun, out: Callable[[], int], around: "Patience"
    ) -> None:
        self._store: Final = store
        self._key: Final = key
        self._out: Final = out  # deltas of turns below this are published
        self._around: Final = around
        self._entries: dict[str, bytes] = dict(begun.entries)
        self.severed = False

    @property
    def entries(self) -> Mapping[str, bytes]:
        """What is recorded."""
        return self._entries

    async def record(self, entries: Mapping[str, bytes | None]) -> None:
        """Durable when it returns."""
        if not self.severed:
            try:
                await self._around.asked(lambda: self._store.record(self._key, entries, self._out()))
            except RunLost as lost:
                if not lost.emptied:
                    raise
                self.severed = True
        for name, entry in entries.items():
            if entry is None:
                self._entries.pop(name, None)
            else:
                self._entries[name] = entry

    async def turn_ended(self, turn: int) -> None:
        """The run may stop here, and does where the worker ends."""
        if self._around.departure.begun:
            raise RunHandedOver(f"after turn {turn}")


def of_generation(entries: Mapping[str, bytes], key: RunKey) -> Mapping[str, bytes]:
    """What earlier generations recorded serves this one, too.

    Not their calls: those are published, and one that was open then is not open now.
    """
    if not key.generation:
        return entries
    mine = f"{CALL}{_calls_begin_with(key)}"
    return {
        name: entry for name, entry in entries.items() if not name.startswith(CALL) or name.startswith(mine)
    }


def paid_by(entries: Mapping[str, bytes], key: RunKey) -> list[ModelCall]:
    """The calls of this generation that are written down."""
    mine = _calls_begin_with(key)
    return [call for call in calls_of(entries) if call.call_id.startswith(mine)]


def _calls_begin_with(key: RunKey) -> str:
    return f"{header_safe(key.run_id)}/"


class Patience:
    """Asks a store until it answers."""

    def __init__(self, observer: Observer, departure: Departure) -> None:
        self.observer: Final = observer
        self.departure: Final = departure

    async def asked(self, call: Callable[[], Awaitable[T]]) -> T:
        """What the store says; the call may be made several times."""
        away = False
        while True:
            try:
                answer = await call()
            except StoreUnavailable as error:
                away = True
                self.observer.observe(StoreAway("runs", back=False, reason=str(error)))
                await asyncio.sleep(RETRY_S)
            else:
                if away:
                    self.observer.observe(StoreAway("runs", back=True, reason=""))
                return answer
