"""Requests whose outcome is decided: it is published, or waits where this worker cannot, and asks again."""

import asyncio
from typing import Final

from schemas.failures import Code
from streams.completion import Completion
from streams.conveyor import Conveyor
from streams.endings import Endings
from streams.entries import Entry
from streams.flow import Accepted, Decided, Rejected, Sealed, identity
from streams.observations import OutcomeSealed
from streams.waits import Waits

AGAIN_S = 5.0


class Locked:
    """Nothing is overwritten: whoever puts back what a worker lacks has their outcomes published."""

    def __init__(self, pipeline: Conveyor, endings: Endings, waits: Waits, completion: Completion) -> None:
        self._pipeline: Final = pipeline
        self._endings: Final = endings
        self._waits: Final = waits
        self._completion: Final = completion

    def decided(self, entry: Entry, verdict: Decided | Sealed) -> None:
        """An earlier attempt left this behind."""
        completion = self._completion
        obstacle = verdict.reason if isinstance(verdict, Sealed) else completion.obstacle(verdict.outcome)
        if obstacle is not None:
            self._keep(entry, obstacle)
        elif isinstance(verdict, Decided):
            work = completion.publish_decided(self._pipeline, entry, verdict.outcome)
            self._pipeline.spawn(entry, work)

    def _keep(self, entry: Entry, reason: str) -> None:
        """It waits. Its deadline does not end it, for it has its outcome; a cancel gives that up."""
        candidate = entry.candidate
        if isinstance(candidate, Rejected):
            return  # of those none is decided
        self._completion.observer.observe(OutcomeSealed(*identity(candidate), reason))
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
