"""Every processor: the Faust apps, and what they bind the topics to."""

import asyncio
import sys
import uuid
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, cast

import faust
from faust.tables import TableManager
from faust.types import TP

from streams.continuity import Continuity, Verdict
from streams.flow import Record
from streams.kafka_driver import CommittedConsumer, CommittedTransport
from streams.observations import Observer, OwnershipChanged, RecordsSkipped
from streams.options import StreamOptions
from streams.ownership import Ownership
from streams.parking import Parking
from streams.pipeline import Pipeline
from streams.topics import LOG_APPEND_TIME, REQUESTS

Follower = Callable[[frozenset[int], frozenset[int]], None]
Sign = Callable[[int], Coroutine[Any, Any, None]]

WEEK_S = 604_800
IDLE_S = 5.0
HEARTBEAT_S = 0.5
FETCH_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class IntakeParts:
    """What the intake app is bound to."""

    pipeline: Pipeline
    parking: Parking
    ownership: Ownership
    rebuild: Callable[[Sequence[int], Sign], Coroutine[Any, Any, object]]
    observer: Observer
    offset_metadata: str
    nobody_owns_anything: Callable[[], Awaitable[bool]]
    check_name: Callable[[], Awaitable[None]]  # does not return where another worker has this one's name
    followers: Sequence[Follower] = ()  # are told which partitions are ours, and which were gained


class CommittedApp(faust.App):
    """A Faust app on our driver."""

    offset_metadata = ""

    def _new_transport(self) -> CommittedTransport:
        return CommittedTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """None: nothing is kept on disk, which may be read-only."""


class NoTables(TableManager):
    """The tables of an app that has none: Faust waits a second for them to be declared, at each start."""

    async def on_start(self) -> None:
        """Go on at once."""
        await self._update_channels()
        await self.recovery.start()


def app_settings(options: StreamOptions, suffix: str = "") -> dict[str, Any]:
    """What both apps have in common; why each is set stands in the decision on Faust."""
    kafka = options.kafka
    session_s = kafka.session_timeout_s
    return {
        "broker": [f"kafka://{address}" for address in kafka.bootstrap.split(",")],
        "consumer_group_instance_id": f"{kafka.worker_id}{suffix}" if kafka.worker_id else None,
        "canonical_url": f"http://{kafka.worker_id or uuid.uuid4().hex}{suffix}",
        "broker_session_timeout": session_s,
        # Those who stay hear by a heartbeat that somebody came or left, and nobody works until all have.
        "broker_heartbeat_interval": min(HEARTBEAT_S, session_s / 5),
        "broker_rebalance_timeout": max(10.0, session_s),
        "broker_request_timeout": max(40.0, session_s * 2),
        "broker_max_poll_interval": WEEK_S,  # past it a worker under back-pressure leaves and never returns
        "broker_commit_interval": 1.0,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": FETCH_BYTES,
        "stream_processing_timeout": float(WEEK_S),
        "broker_commit_livelock_soft_timeout": float(WEEK_S),
        "stream_wait_empty": False,  # a long run must not hold up the group's rebalance
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "topic_replication_factor": 1,
        "topic_partitions": kafka.partitions,
        "table_standby_replicas": 0,
        "web_enabled": False,
        "worker_redirect_stdouts": False,
        "processing_guarantee": "at_least_once",
        "autodiscover": False,
    }


def build_intake(options: StreamOptions, parts: IntakeParts) -> CommittedApp:
    """The app in the consumer group: it reads requests, and nothing else does."""
    app = CommittedApp(
        options.kafka.app_id,
        stream_buffer_maxsize=256,
        broker_max_poll_records=128,
        TableManager=NoTables,
        **app_settings(options),
    )
    app.offset_metadata = parts.offset_metadata
    name = REQUESTS.full_name(options.kafka.topic_prefix, options.kafka.app_id)
    requests = app.topic(
        name,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        allow_empty=True,
        partitions=options.kafka.partitions,
    )

    continuity = Continuity()

    async def intake(stream: Any) -> None:
        """Read as long as there is room. It must not yield: Faust would answer to any topic that is asked."""
        pipeline, ownership = parts.pipeline, parts.ownership
        async for event in stream.noack().events():
            message, assignment = event.message, ownership.present
            if not ownership.is_open(message.partition) and not await ownership.opened(message.partition):
                continue  # it is another worker's now, which reads it again
            await pipeline.room()
            # A static member may be assigned anew within one generation, so that alone says too little.
            if ownership.present is not assignment or message.generation_id != app.consumer_generation_id:
                continue  # read before a rebalance: it is delivered again, to whoever owns it
            match continuity.judge(message.partition, message.begins, message.ends):
                case Verdict.HOLE:
                    parts.observer.observe(RecordsSkipped(message.partition, message.offset))
                    place = TP(message.topic, message.partition)
                    await _consumer(app).read_again(place, continuity.next_offset(message.partition))
                    continue
                case Verdict.STALE:
                    continue
                case Verdict.NEXT:
                    pass
            pipeline.accept(_record(message), _acknowledgement(app, message))

    app.agent(requests, name="intake", concurrency=1)(intake)
    _bind_ownership(app, name, parts, continuity)
    return app


def _record(message: Any) -> Record:
    record = Record(
        message.topic,
        message.partition,
        message.offset,
        int((message.timestamp or 0) * 1000),
        message.key,
        message.value,
        tuple(message.headers or ()),
        message.timestamp_type == LOG_APPEND_TIME,
    )
    message.value = None  # the record holds it now, and only as long as it is worked on
    return record


def _acknowledgement(app: CommittedApp, message: Any) -> Callable[[], object]:
    def acknowledge() -> object:
        if message.generation_id != app.consumer_generation_id:
            return None
        return app.consumer.ack(message)

    return acknowledge


def _consumer(app: CommittedApp) -> CommittedConsumer:
    return cast(CommittedConsumer, app.consumer)


def _bind_ownership(app: CommittedApp, topic: str, parts: IntakeParts, continuity: Continuity) -> None:
    async def revoked(*_: Any, **__: Any) -> None:
        parts.ownership.revoked()

    async def assigned(_: Any, assigned: Collection[TP], *__: Any, **___: Any) -> None:
        partitions = sorted(tp.partition for tp in assigned if tp.topic == topic)
        gained, lost = parts.ownership.assigned(_consumer(app).membership(), partitions)
        retained = sorted(set(partitions) - gained)
        parts.pipeline.reassigned(retained)
        continuity.assigned({partition: parts.pipeline.tracker.position(partition) for partition in retained})
        parts.observer.observe(
            OwnershipChanged(tuple(partitions), tuple(sorted(gained)), tuple(sorted(lost)))
        )
        for follow in parts.followers:
            follow(frozenset(partitions), gained)
        if gained:
            app.add_future(parts.rebuild(sorted(gained), enter))
        if not partitions:
            app.add_future(_look_for_work(app, parts))

    async def enter(partition: int) -> None:
        """All that its predecessors left is known: what is parked may go on from the committed offset."""
        await parts.check_name()
        consumer, place = _consumer(app), TP(topic, partition)
        if app.offset_metadata:
            await consumer.sign(place)
        released = await consumer.released(place)
        continuity.begin(partition, released)
        parts.parking.opened(partition, released)

    app.on_partitions_revoked.connect(revoked, weak=False)
    app.on_partitions_assigned.connect(assigned, weak=False)  # type: ignore[arg-type]  # faust's Protocol


async def _look_for_work(app: CommittedApp, parts: IntakeParts) -> None:
    """Who has nothing to do joins again where nobody has: the leader did not know the partitions."""
    idle = parts.ownership.present
    while parts.ownership.present is idle:
        await asyncio.sleep(IDLE_S)
        if parts.ownership.present is idle and await parts.nobody_owns_anything():
            await _consumer(app).join_again()


def check_faust() -> None:
    """Only the compiled path is safe: the pure one acknowledges events that it skips in a rebalance."""
    from faust import streams

    if getattr(streams, "_CStreamIterator", None) is None:
        sys.exit("penstock: Faust's compiled extensions are missing; install the faust-streaming wheel")
