"""Reminders: where nothing is atomic, open questions are sent again by whoever takes their partition over.

The record of a run that asked may stand where the request for it does not: its worker died between the two.
One that does stand makes nothing of the second: it has the same id and the same bytes.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streams.correspondence import Correspondence
from streams.flow import Accepted, Emission, Parcel
from streams.intake import Intake
from streams.lifeline import Lifeline
from streams.parked import Parked
from streams.parking import MOST_AT_ONCE, Parking
from streams.ports import Clock, ParkedBodies
from streams.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Means:
    """What questions are found and sent with."""

    letters: Correspondence
    parking: Parking
    bodies: ParkedBodies
    intake: Intake  # without a verifier: what is parked was believed
    clock: Clock
    lifeline: Lifeline


class Reminders:
    """For plain delivery; in a transaction both stand, or neither does."""

    def __init__(self, means: Means) -> None:
        self._means: Final = means
        means.parking.when_opened(self.opened)

    def opened(self, partition: int) -> None:
        """All that is parked there is known."""
        asking = [one for one in self._means.parking.lot.of(partition) if one.asked]
        if asking:
            self._means.lifeline.hold(asyncio.create_task(self._remind(partition, asking)))

    async def _remind(self, partition: int, asking: Sequence[Waiting]) -> None:
        means = self._means
        for start in range(0, len(asking), MOST_AT_ONCE):
            some = asking[start : start + MOST_AT_ONCE]
            bodies = await means.bodies.fetch([one.place for one in some])
            left = [body for one, body in zip(some, bodies, strict=True) if body and means.parking.waits(one)]
            again = [request for parked in left for request in self._requests(parked)]
            if again:
                await means.letters.outbox.publish(Parcel(partition, tuple(again)))

    def _requests(self, parked: Parked) -> list[Emission]:
        """Only just what was asked: another version may write it in other bytes, which would be another."""
        means = self._means
        accepted = means.intake.again(parked, means.clock.now(), means.clock.at())
        if not isinstance(accepted, Accepted):
            return []
        again = [(one, *means.letters.written(accepted, one)) for one in parked.asked if one.reply is None]
        return [request for one, now, request in again if request is not None and now.sha256 == one.sha256]
