"""Takes the snapshot of a deployment on Kafka: what is committed, and from where to where each topic is read.

What is committed is asked first, and where the requests end last: so every outcome that must be there is
among what is read, and so is every request that anything is about. Of a transaction that was under way in
between, all is read or nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition

from app import closing
from app.verify.deployment import CannotRead, Deployment
from app.verify.records import Extent, Kind, Snapshot

# What is parked is answered later, what is answered is paid for: the ends are asked in this order.
IN_TURN = (
    (Kind.PARKED,),
    (Kind.RESPONSES,),
    (Kind.DEADLETTER, Kind.USAGE, Kind.DELTAS, Kind.CONTROL, Kind.TENANTS),
)
WHOLE = frozenset({Kind.CONTROL, Kind.TENANTS, Kind.PARKED})  # read from their first record on, always
# A transaction ends within 10 s, or the broker ends it.
PATIENCE_S = 20.0
ASK_EVERY_S = 0.1
MARGIN_MS = 10 * 60 * 1000  # clocks of producers and workers may be so far apart, with `since`

Ends = dict[TopicPartition, int]
Places = dict[Kind, list[TopicPartition]]


@dataclass(slots=True)
class Photographer:
    """Takes one snapshot, through a read_committed consumer that is started."""

    deployment: Deployment
    consumer: Any
    _undecided: set[int] = field(default_factory=set)

    async def take(self, at_ms: int, since_ms: int | None) -> Snapshot:
        """As it is now. CannotRead where there are no requests to judge."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.deployment.bootstrap)
        try:
            await admin.start()
            places = await self._places(admin)
            committed = await self._committed(admin, places[Kind.REQUESTS])
        finally:
            await admin.close()
        ends: Ends = {}
        for kinds in IN_TURN:
            ends |= await self._decided_ends([place for kind in kinds for place in places.get(kind, ())])
        ends |= await self.consumer.end_offsets(places[Kind.REQUESTS])
        extents = {kind: await self._extents(kind, found, ends, since_ms) for kind, found in places.items()}
        return Snapshot(
            at_ms=at_ms,
            names=self.deployment.names(),
            terms=self.deployment.terms,
            extents=extents,
            committed=committed,
            since_ms=since_ms,
            undecided=frozenset(self._undecided),
        )

    async def _places(self, admin: AIOKafkaAdminClient) -> Places:
        kinds = {name: kind for kind, name in self.deployment.names().items()}
        existing = sorted(set(await admin.list_topics()) & set(kinds))
        places: Places = {}
        for topic in await admin.describe_topics(existing) if existing else ():
            name, numbers = topic["topic"], sorted(one["partition"] for one in topic["partitions"])
            places[kinds[name]] = [TopicPartition(name, number) for number in numbers]
        if not places.get(Kind.REQUESTS):
            raise CannotRead(
                f"there is no topic {self.deployment.names()[Kind.REQUESTS]} at {self.deployment.bootstrap}: "
                "check PENSTOCK_TOPIC_PREFIX and PENSTOCK_KAFKA_BOOTSTRAP"
            )
        return places

    async def _committed(
        self, admin: AIOKafkaAdminClient, places: Sequence[TopicPartition]
    ) -> dict[int, int]:
        found = await admin.list_consumer_group_offsets(self.deployment.app_id, partitions=list(places))
        return {place.partition: entry.offset for place, entry in found.items() if entry.offset >= 0}

    async def _decided_ends(self, places: Sequence[TopicPartition]) -> Ends:
        """Where a read_committed reader's end is, when all transactions that are open now have ended."""
        if not places:
            return {}
        written = await self._written(places)
        ends: Ends = {}
        waited_s = 0.0
        while True:
            ends |= await self.consumer.end_offsets([place for place in places if place not in ends])
            late = {place for place, end in ends.items() if end < written[place]}
            if not late or waited_s >= PATIENCE_S:
                break
            ends = {place: end for place, end in ends.items() if place not in late}
            await asyncio.sleep(ASK_EVERY_S)
            waited_s += ASK_EVERY_S
        self._undecided |= {place.partition for place in late}
        return ends

    async def _written(self, places: Sequence[TopicPartition]) -> Ends:
        """Where the logs end, open transactions included."""
        consumer = self.deployment.consumer("read_uncommitted")
        try:
            await consumer.start()
            return dict(await consumer.end_offsets(places))
        finally:
            await closing.stop(consumer)

    async def _extents(
        self, kind: Kind, places: Sequence[TopicPartition], ends: Ends, since_ms: int | None
    ) -> dict[int, Extent]:
        firsts: Ends = await self.consumer.beginning_offsets(places)
        starts = firsts
        if since_ms is not None and kind not in WHOLE:
            from_ms = since_ms if kind is Kind.REQUESTS else since_ms - MARGIN_MS
            found = await self.consumer.offsets_for_times(dict.fromkeys(places, max(0, from_ms)))
            starts = {place: found[place].offset if found[place] else ends[place] for place in places}
        return {
            place.partition: Extent(firsts[place], max(firsts[place], starts[place]), ends[place])
            for place in places
        }
