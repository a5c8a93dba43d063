"""What all calls of one simulator share: options, books, attempts, and how many are in flight."""

import asyncio
import itertools
import secrets
from datetime import UTC, datetime

from app.simulator.attempts import Attempts
from app.simulator.ledger import Entry, Ledger
from app.simulator.options import SimulatorOptions


class Provider:
    def __init__(self, options: SimulatorOptions) -> None:
        self.options = options
        self.attempts = Attempts()
        self.stopping = asyncio.Event()
        self.calls = 0
        self.in_flight = 0
        self._idle = asyncio.Event()
        self._ledger = Ledger(options.ledger) if options.ledger else None
        self._start = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def number(self) -> str:
        """A new one each time, also across restarts."""
        return f"{self._start}{next(self._numbers):012x}"

    def at(self) -> datetime:
        return datetime.now(UTC)

    def record(self, entry: Entry) -> None:
        if self._ledger is not None:
            self._ledger.append(entry)

    def enter(self) -> None:
        self.calls += 1
        self.in_flight += 1
        self._idle.clear()

    def leave(self) -> None:
        self.in_flight -= 1
        if not self.in_flight:
            self._idle.set()

    async def close(self) -> None:
        """Waits for the last call's line, then closes the books."""
        if self.in_flight:
            await self._idle.wait()
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
