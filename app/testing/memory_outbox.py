"""An outbox whose topics are lists; what it publishes it has remembered, as the real one does."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from app.adapters.group_commit import Delivered, GroupCommit
from streams.flow import DealtWith, Emission, Parcel
from streams.observations import Observer
from streams.ownership import Ownership
from streams.ports import ClaimStore, Clock, Shelf, ShelfKind, StoreUnavailable
from streams.topics import topic_names

NAMES = topic_names("agent.", "penstock")
KINDS: dict[str, ShelfKind] = {NAMES.responses: "responses", NAMES.deadletter: "deadletter"}


class MemoryLog:
    """All topics of a deployment: what was published stays, whichever worker did it."""

    def __init__(self) -> None:
        self.partitions: dict[tuple[str, int], list[Emission]] = defaultdict(list)
        self.commands: dict[int, DealtWith] = {}  # of each partition

    def append(self, emission: Emission) -> int:
        """Returns the offset behind it."""
        place = self.partitions[emission.topic, emission.partition]
        place.append(emission)
        return len(place)

    def emissions(self, topic: str) -> list[Emission]:
        """Everything on a topic, partition by partition."""
        places = sorted(place for place in self.partitions if place[0] == topic)
        return [emission for place in places for emission in self.partitions[place]]

    def read(self, topic: str) -> list[dict[str, Any]]:
        """The documents on a topic."""
        return [json.loads(emission.value or b"null") for emission in self.emissions(topic)]


class MemoryOutbox:
    """Publishes in batches, in order, and only what this worker owns."""

    def __init__(
        self, log: MemoryLog, ownership: Ownership, claims: ClaimStore, clock: Clock, observer: Observer
    ) -> None:
        self.log = log
        self.batches: list[int] = []
        self.failures: list[Exception] = []  # what the next deliveries fail with
        self._ownership = ownership
        self._claims = claims
        self._gate = asyncio.Event()
        self._gate.set()
        self._commit = GroupCommit(ownership, self, clock, observer)

    def hold(self) -> None:
        """Publish nothing until `let_go`."""
        self._gate.clear()

    def let_go(self) -> None:
        """Publish again."""
        self._gate.set()

    async def start(self) -> None:
        """Begin to publish."""
        self._commit.start()

    async def stop(self) -> None:
        """Stop publishing."""
        await self._commit.stop()

    async def publish(self, parcel: Parcel) -> int | None:
        """Return when it stands in the log and is remembered; the offset of its parked record."""
        return await self._commit.publish(parcel)

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivered:
        """For the group commit."""
        assignment = self._ownership.present
        await self._gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        if assignment is None or self._ownership.present is not assignment:
            raise ConnectionError("fenced: the group has moved on")
        checkpoints: dict[Shelf, int] = {}
        parked: dict[int, int] = {}
        for parcel in parcels:
            for emission in parcel.emissions:
                end = self.log.append(emission)
                if emission.topic in KINDS:
                    checkpoints[Shelf(KINDS[emission.topic], emission.partition)] = end
                if emission.topic == NAMES.parked and emission.value is not None:
                    parked[id(parcel)] = end - 1
            if parcel.commands is not None:
                self.log.commands[parcel.partition] = parcel.commands
        self.batches.append(len(parcels))
        return Delivered(parked, checkpoints)

    async def remember(self, parcels: Sequence[Parcel], checkpoints: Mapping[Shelf, int]) -> None:
        """For the group commit."""
        answered = [parcel.answered for parcel in parcels if parcel.answered is not None]
        while True:
            try:
                await self._claims.answer(answered, checkpoints)
            except StoreUnavailable:
                await asyncio.sleep(0)
            else:
                return
