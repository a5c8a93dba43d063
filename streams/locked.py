"""Requests whose outcome is decided and cannot be opened here: each waits by itself, and asks again."""

import asyncio
from typing import Final

from schemas.failures import Code
from streams.conveyor import Conveyor
from streams.endings import Endings
from streams.entries import Entry
from streams.flow import Accepted, Rejected, identity
from streams.observations import Observer, OutcomeSealed
from streams.waits import Waits

AGAIN_S = 5.0


class Locked:
    """Nothing of them is overwritten: whoever puts the key back has their outcomes published."""

    def __init__(self, pipeline: Conveyor, endings: Endings, waits: Waits, observer: Observer) -> None:
        self._pipeline: Final = pipeline
        self._endings: Final = endings
        self._waits: Final = waits
        self._observer: Final = observer

    def keep(self, entry: Entry, reason: str) -> None:
        """It waits. Its deadline does not end it, for it has its outcome; a cancel gives that up."""
        candidate = entry.candidate
        if isinstance(candidate, Rejected):
            return  # of those none is decided
        self._observer.observe(OutcomeSealed(*identity(candidate), reason))
        ending = entry.ending or self._waits.cancelled_before(entry)
        if ending is not None and ending.code is Code.CANCELLED:
            entry.ending = ending
            self._endings.without_run(entry, candidate, ending)
        elif isinstance(candidate, Accepted):
            self._waits.asks_again(entry, candidate, AGAIN_S)
        else:  # its agent is gone by now: nobody knows its session, and it is not parked
            asyncio.get_running_loop().call_later(AGAIN_S, self._again, entry)

    def _again(self, entry: Entry) -> None:
        if self._pipeline.register.lives(entry):
            self._pipeline.enter(entry)
