"""The journal of one attempt, as the run sees it: it waits for a store that is away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from agents_defs.journal_entries import CALL, calls_of
from agents_defs.run_journal import RunHandedOver, RunLost
from agents_defs.run_order import ModelCall
from agents_defs.run_scope import header_safe
from streams.observations import Observer, StoreAway
from streams.ports import NOTHING, Begun, RunKey, RunStore, StoreUnavailable, Told
from streams.turns import Departure

RETRY_S = 0.1
T = TypeVar("T")


class LiveJournal:
    """Where the store was emptied meanwhile the run goes on without: what it did is in memory still.

    What is to be written `soon` is sent while the run goes on, and what follows waits for it only where it
    has to: the next model call is sent, the outcome decided, after all that was told is durable.
    `opens`: the attempt has not been told to the store yet; its first write does that, too.
    """

    def __init__(
        self,
        store: RunStore,
        key: RunKey,
        begun: Begun,
        out: Callable[[], int],
        around: "Patience",
        opens: int = 0,
    ) -> None:
        self._store: Final = store
        self._key: Final = key
        self._out: Final = out  # deltas of turns below this are published
        self._around: Final = around
        self._entries: dict[str, bytes] = dict(begun.entries)
        self._held = Told({}, opens)
        self._due: asyncio.Handle | None = None
        self._flight: asyncio.Task[None] | None = None  # of what nobody waited for
        self.unsure: set[str] = set()  # names of what was told and may not be durable
        self.severed = False

    @property
    def entries(self) -> Mapping[str, bytes]:
        """What is recorded."""
        return self._entries

    async def record(self, entries: Mapping[str, bytes | None]) -> None:
        """Durable when it returns."""
        self._hold(entries)
        await self.settle()

    def soon(self, entries: Mapping[str, bytes | None]) -> None:
        """On its way with all that is told in this turn of the loop; durable before the next `record` is."""
        self._hold(entries)
        self._make_due()

    async def settle(self) -> None:
        """All that was told is durable."""
        while self._held:
            await self._write()
        await self._landed()

    async def settle_once(self) -> None:
        """The same for whoever cannot wait until the store is back. Raises StoreUnavailable."""
        if self._held and not self.severed:
            await self._store.record(self._key, self._held, self._out())

    async def turn_ended(self, turn: int) -> None:
        """The run may stop here, and does where the worker ends."""
        if self._around.departure.begun:
            raise RunHandedOver(f"after turn {turn}")

    def _hold(self, entries: Mapping[str, bytes | None]) -> None:
        self._held = self._held.and_then(Told(entries))
        self.unsure.update(entries)
        for name, entry in entries.items():
            if entry is None:
                self._entries.pop(name, None)
            else:
                self._entries[name] = entry

    def _make_due(self) -> None:
        if self._due is None and self._flight is None:
            self._due = asyncio.get_running_loop().call_soon(self._take_off)

    def _take_off(self) -> None:
        self._due = None
        if not self._held:  # it went with a `record`
            return
        self._flight = asyncio.create_task(self._write())
        self._flight.add_done_callback(self._arrived)

    def _arrived(self, flight: "asyncio.Task[None]") -> None:
        if flight.cancelled() or flight.exception() is not None:
            return  # it stays, for whoever comes next
        if self._flight is flight:
            self._flight = None
        if self._held:
            self._make_due()  # told meanwhile

    async def _landed(self) -> None:
        """What is on its way has arrived. Raises what became of it."""
        flight = self._flight
        if flight is not None:
            await asyncio.shield(flight)
            if self._flight is flight:
                self._flight = None

    async def _write(self) -> None:
        held, self._held = self._held, NOTHING
        if not self.severed:
            await self._send(held)
        self.unsure.difference_update(held.entries.keys() - self._held.entries.keys())

    async def _send(self, held: Told) -> None:
        try:
            await self._around.asked(lambda: self._store.record(self._key, held, self._out()))
        except RunLost as lost:
            if not lost.emptied:
                raise
            self.severed = True
        except BaseException:
            # Who waited was cancelled, perhaps before it was sent; others' entries are among these.
            self._held = held.and_then(self._held)
            raise


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
