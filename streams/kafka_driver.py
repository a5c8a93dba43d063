"""Faust's Kafka driver, with what it hard-codes otherwise: isolation, what is committed, and how it delivers.

Outside its exactly-once mode Faust reads uncommitted records; what was aborted must never be run.
The metadata of each committed offset names this worker's transactional id, so that whoever owns the
partition next can end a transaction that a dead worker left open.
"""

import contextlib
from collections.abc import Coroutine, Mapping
from typing import Any, cast

from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.tables.recovery import RebalanceAgain
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.services import WaitResults

from streams import fetch_marks, lenient_records, stream_pace
from streams.fetch_marks import BEGINS, ENDS
from streams.first_step import step
from streams.one_loop import OneLoop
from streams.ownership import Membership

RETRIABLE_COMMIT = "already rebalanced"
DELIVERED = WaitResults([], [], False)

fetch_marks.install()
lenient_records.install()
stream_pace.install()


class CommittedThread(OneLoop):
    """What Faust keeps in a thread: the connection to the group and its partitions."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = 100  # a stopping or rebalancing worker must not wait for a fetch
        return consumer

    async def on_thread_stop(self) -> None:
        """Leave the group, under a name as well: whoever stops in order may not come back.

        aiokafka leaves only where it sees no name, and then for this member alone, never for its successor.
        """
        if self._consumer is not None and self._consumer._coordinator is not None:
            self._consumer._coordinator._group_instance_id = None
        await super().on_thread_stop()

    async def join_again(self) -> None:
        """Ask the group for another assignment."""
        await self.call_thread(self._join_again)

    async def _join_again(self) -> None:
        """With what the broker says now: it may have known no partitions when it was last asked.

        Unasked it is asked every five minutes, and until then a leader hands out nothing again and again.
        """
        consumer = self._ensure_consumer()
        await consumer._client.force_metadata_update()
        consumer._coordinator.request_rejoin()

    async def read_again(self, tp: TP, offset: int) -> None:
        """Go on reading a partition there."""
        await self.call_thread(self._read_again, tp, offset)

    async def _read_again(self, tp: TP, offset: int) -> None:
        self._ensure_consumer().seek(TopicPartition(tp.topic, tp.partition), offset)
        self.consumer._read_offset[tp] = offset or None

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        metadata = getattr(self.app, "offset_metadata", "")
        consumer = self._ensure_consumer()
        owned = self.assignment()
        positions = {
            TopicPartition(tp.topic, tp.partition): OffsetAndMetadata(offset, metadata)
            for tp, offset in offsets.items()
            if tp in owned
        }
        if not positions:  # all of them were lost since; aiokafka takes an empty commit for a mistake
            return False
        try:
            await consumer.commit(positions)
        except Exception as error:  # noqa: BLE001  as in Faust: all but a rebalance ends the worker
            if RETRIABLE_COMMIT not in str(error):
                await self.crash(error)
            return False
        return True

    async def sign(self, tp: TP) -> None:
        """Commit again what is committed, under this worker's name."""
        await self.call_thread(self._sign, tp)

    async def _sign(self, tp: TP) -> None:
        await self._commit({tp: await self._released(tp)})

    async def released(self, tp: TP) -> int:
        """The first offset that is not released."""
        offset: int = await self.call_thread(self._released, tp)
        return offset

    async def _released(self, tp: TP) -> int:
        consumer, place = self._ensure_consumer(), TopicPartition(tp.topic, tp.partition)
        committed: int | None = await consumer.committed(place)
        if committed is None:
            committed = int((await consumer.beginning_offsets([place]))[place])
        return committed


class CommittedConsumer(driver.Consumer):
    """The consumer, which asks that for everything."""

    revocations = 0
    revoked = False

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """A rebalance begins."""
        self.revocations += 1
        self.revoked = True
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """It is over. Nothing flows until after the seek; Faust forgets that where nothing was owned before.

        When it lets records through it empties the streams, and what was delivered since the seek is lost.
        """
        self.revoked = False
        self.stop_flow()
        self.app.flow_control.suspend()
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Back to what is committed, which Faust does before it lets records through again.

        Where another rebalance has begun meanwhile, it must not let them through: the end of that one empties
        the streams, and what was fetched since its own seek would be skipped for good.
        """
        revocations = self.revocations
        await super().perform_seek()
        if self.revoked or self.revocations != revocations:
            raise RebalanceAgain

    async def sign(self, tp: TP) -> None:
        """Write this worker's name beside the offset of a partition of which nothing was released yet.

        The next owner of a partition ends, by the name that it finds there, what its predecessor left open.
        Without this it would not find the name of one that died before its first commit. It may fail: then
        the next owner waits until the broker ends that transaction.
        """
        with contextlib.suppress(KafkaError):
            await cast(CommittedThread, self._thread).sign(tp)

    async def wait_first(self, *waited: Any, timeout: Any = None) -> Any:
        """Faust races each delivery against a suspension, in four tasks; most deliveries need not wait.

        So the first step of a delivery is made here. It is what its task would have done first of all four,
        and whoever has finished with it has won. One that has to wait is raced as ever, from there on.
        """
        if len(waited) == 2 and isinstance(waited[0], Coroutine):
            delivery, suspension = waited
            begun = None
            try:
                begun = step(delivery)
            finally:
                if begun is None:
                    suspension.close()
            if begun is None:
                return DELIVERED
            waited = (begun, suspension)
        return await super().wait_first(*waited, timeout=timeout)

    def _new_offset(self, tp: TP) -> int | None:
        """What to commit: all offsets are acknowledged strictly in order, so the latest says it all.

        Faust works it out from the gaps between them, and each transaction's marker is such a gap: it commits
        one transaction further per interval, and falls behind for good where requests come in transactions.
        """
        acked = self._acked[tp]
        if not acked:
            return None
        latest = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return latest + 1

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nobody asks for gaps."""

    def _to_message(self, tp: TP, record: Any) -> Any:
        message: Any = super()._to_message(tp, record)
        message.begins = record.__dict__[BEGINS]
        message.ends = record.__dict__[ENDS]
        return message

    async def join_again(self) -> None:
        """Ask the group for another assignment."""
        await cast(CommittedThread, self._thread).join_again()

    async def read_again(self, tp: TP, offset: int | None) -> None:
        """Go on reading a partition there, or at what is released."""
        thread = cast(CommittedThread, self._thread)
        await thread.read_again(tp, await thread.released(tp) if offset is None else offset)

    async def released(self, tp: TP) -> int:
        """The first offset of a partition that the group has not released."""
        return await cast(CommittedThread, self._thread).released(tp)

    def _new_consumer_thread(self) -> CommittedThread:
        return CommittedThread(self, loop=self.loop, beacon=self.beacon)

    def membership(self) -> Membership:
        """Who the group's coordinator takes this worker for."""
        coordinator = self._thread._ensure_consumer()._coordinator
        return Membership(coordinator.generation, coordinator.member_id, coordinator._group_instance_id)


class CommittedTransport(driver.Transport):
    """The transport with that consumer."""

    Consumer = CommittedConsumer
