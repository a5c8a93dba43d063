"""A member of a deployment's consumer group, as the coordinator knows it, without a worker around it."""

import asyncio
from typing import Self

from aiokafka import AIOKafkaConsumer

from streams.options import KafkaOptions
from streams.ownership import Membership

JOIN_S = 30.0


class GroupMember:
    """Joins on `async with`, leaves (or not) at its end."""

    def __init__(self, kafka: KafkaOptions, instance_id: str | None = None) -> None:
        self._topic = f"{kafka.topic_prefix}requests"
        self._partitions = kafka.partitions
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka.bootstrap,
            group_id=kafka.app_id,
            group_instance_id=instance_id,
            enable_auto_commit=False,
            session_timeout_ms=round(kafka.session_timeout_s * 1000),
            heartbeat_interval_ms=200,
        )

    @property
    def membership(self) -> Membership:
        """Who the coordinator takes it for now."""
        coordinator = self._consumer._coordinator
        return Membership(coordinator.generation, coordinator.member_id, coordinator._group_instance_id)

    @property
    def partitions(self) -> list[int]:
        """What it owns now."""
        return sorted(place.partition for place in self._consumer.assignment())

    async def join(self) -> Membership:
        """Become a member."""
        await self._consumer.start()
        async with asyncio.timeout(JOIN_S):
            # A topic that was just made may not be known whole: its leader would hand out what there is.
            while len(await self._consumer._client._wait_on_metadata(self._topic)) < self._partitions:
                await self._consumer._client.force_metadata_update()
        self._consumer.subscribe([self._topic])
        await self.settled()
        return self.membership

    async def settled(self, beyond: int = 0) -> Membership:
        """Wait for an assignment of a generation beyond this one."""
        async with asyncio.timeout(JOIN_S):
            while not (self.partitions and self.membership.generation > beyond):
                await self._consumer.getmany(timeout_ms=20)
        return self.membership

    async def join_again(self) -> Membership:
        """Become the same member of the next generation."""
        before = self.membership.generation
        self._consumer._coordinator.request_rejoin()
        return await self.settled(beyond=before)

    async def leave(self) -> None:
        """Leave the group."""
        await self._consumer.stop()

    async def __aenter__(self) -> Self:
        await self.join()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()
