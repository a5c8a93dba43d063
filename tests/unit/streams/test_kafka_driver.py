"""How our consumer delivers and what it commits, on Faust's own code with the broker left out."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from faust.tables.recovery import RebalanceAgain
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from intervaltree import IntervalTree
from mode import Service
from mode.utils.queues import FlowControlEvent

from streams.kafka_driver import CommittedConsumer, CommittedThread

PLACE = TP("requests", 0)


@dataclass(eq=False)
class Read:
    """A message."""

    offset: int
    tp: TP = PLACE
    topic: str = PLACE.topic
    acked: bool = False


class Consumer(CommittedConsumer):
    """As far as deliveries and commits go."""

    def __init__(self) -> None:
        Service.__init__(self)
        self._acked = defaultdict(list)
        self._acked_index = defaultdict(set)
        self._committed_offset = defaultdict(lambda: None)
        self._gap = defaultdict(IntervalTree)
        self._unacked_messages = set()
        self.app: Any = SimpleNamespace(
            topics=SimpleNamespace(acks_enabled_for=lambda _: True), flow_control=FlowControlEvent()
        )
        self.suspend_flow: Any = asyncio.Event()
        self.can_resume_flow: Any = asyncio.Event()

    def acknowledge(self, *offsets: int) -> None:
        for offset in offsets:
            self.ack(Read(offset))  # type: ignore[arg-type]  # as far as acknowledging goes

    async def deliver(self, delivery: Any) -> None:
        await self.wait_first(delivery, self.suspend_flow.wait())


@pytest.fixture
async def consumer() -> Consumer:
    return Consumer()


async def test_a_delivery_that_need_not_wait_takes_no_task(consumer: Consumer) -> None:
    took, before = [], asyncio.all_tasks()

    async def delivery() -> None:
        took.append(asyncio.all_tasks() - before)

    await consumer.deliver(delivery())

    assert took == [set()]


async def test_a_delivery_waits_until_there_is_room(consumer: Consumer) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)
    await consumer.deliver(queue.put(1))
    waiting = asyncio.ensure_future(consumer.deliver(queue.put(2)))
    await asyncio.sleep(0)
    assert not waiting.done()

    assert [await queue.get(), await queue.get()] == [1, 2]

    await waiting


async def test_a_suspension_ends_a_delivery_that_waits_and_leaves_nothing_of_it(consumer: Consumer) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)
    await consumer.deliver(queue.put(1))
    waiting = asyncio.ensure_future(consumer.deliver(queue.put(2)))
    await asyncio.sleep(0)

    consumer.suspend_flow.set()

    await asyncio.wait_for(waiting, 5)
    assert queue.get_nowait() == 1
    await asyncio.sleep(0)
    assert queue.empty()


@pytest.mark.parametrize("waits", [False, True])
async def test_what_a_delivery_raises_is_raised(consumer: Consumer, waits: bool) -> None:
    async def delivery() -> None:
        if waits:
            await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await consumer.deliver(delivery())


async def test_what_stands_between_acknowledged_offsets_does_not_hold_up_the_commit(
    consumer: Consumer,
) -> None:
    await consumer._add_gap(PLACE, 1, 1)  # the marker of a transaction
    consumer.acknowledge(0, 2, 3, 5)

    assert consumer._new_offset(PLACE) == 6
    assert consumer._new_offset(PLACE) is None


async def test_the_next_commit_goes_on_where_the_last_one_was(consumer: Consumer) -> None:
    consumer.acknowledge(10, 11)
    assert consumer._new_offset(PLACE) == 12
    consumer._committed_offset[PLACE] = 12

    consumer.acknowledge(11, 13)

    assert consumer._new_offset(PLACE) == 14


class Seeking(Consumer):
    """Its seek takes as long as the test wants; a rebalance is all that it knows of the group."""

    def __init__(self) -> None:
        super().__init__()
        self.sought = asyncio.Event()

    async def seek_to_committed(self) -> dict[Any, int]:
        await self.sought.wait()
        return {}


@pytest.fixture
def seeking(monkeypatch: pytest.MonkeyPatch) -> Seeking:
    async def nothing(*_: Any) -> None:
        """What Faust does then."""

    monkeypatch.setattr(driver.Consumer, "on_partitions_revoked", nothing)
    monkeypatch.setattr(driver.Consumer, "on_partitions_assigned", nothing)
    made = Seeking()
    made._read_offset = defaultdict(lambda: None)
    return made


async def test_records_are_let_through_after_the_seek(seeking: Seeking) -> None:
    await seeking.on_partitions_revoked(set())
    await seeking.on_partitions_assigned({PLACE}, 1)
    seeking.sought.set()

    await seeking.perform_seek()


@pytest.mark.parametrize("over", [False, True])
async def test_no_records_are_let_through_when_another_rebalance_began_during_the_seek(
    seeking: Seeking, over: bool
) -> None:
    await seeking.on_partitions_assigned({PLACE}, 1)
    resuming = asyncio.ensure_future(seeking.perform_seek())
    await asyncio.sleep(0)

    await seeking.on_partitions_revoked({PLACE})
    if over:
        await seeking.on_partitions_assigned({PLACE}, 2)
    seeking.sought.set()

    with pytest.raises(RebalanceAgain):
        await resuming


async def test_no_records_are_let_through_when_another_rebalance_began_before_the_seek(
    seeking: Seeking,
) -> None:
    await seeking.on_partitions_assigned({PLACE}, 1)
    await seeking.on_partitions_revoked({PLACE})
    seeking.sought.set()

    with pytest.raises(RebalanceAgain):
        await seeking.perform_seek()


async def test_nothing_flows_between_an_assignment_and_its_seek(seeking: Seeking) -> None:
    seeking.resume_flow()
    seeking.app.flow_control.resume()

    await seeking.on_partitions_assigned({PLACE}, 1)

    assert not seeking.flow_active
    assert not seeking.app.flow_control.is_active()


async def test_who_joins_again_asks_first_which_partitions_there_are() -> None:
    asked: list[str] = []

    class Client:
        async def force_metadata_update(self) -> None:
            asked.append("partitions")

    coordinator = SimpleNamespace(request_rejoin=lambda: asked.append("join"))
    consumer = SimpleNamespace(_client=Client(), _coordinator=coordinator)
    thread = CommittedThread.__new__(CommittedThread)
    thread._ensure_consumer = lambda: consumer  # type: ignore[method-assign]

    await thread._join_again()

    assert asked == ["partitions", "join"]
