"""A worker as a process, with the agents of these tests; a mutant lacks one guard, to see the tests bite."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from agents_defs.registry import Registry
from app import lifetime
from app.adapters import logs
from app.adapters.fenced_producer import FencedProducer
from app.adapters.kafka_outbox import KafkaOutbox
from app.adapters.redis_claims import RedisClaims
from app.adapters.redis_runs import RedisRuns
from app.adapters.sql_sessions import SqlSessions
from app.settings import Settings, load
from app.worker import Worker
from streams.admission import Admission
from streams.pipeline import Pipeline
from streams.tracker import Ticket, Tracker
from tests.broker.agents_under_test import DIARIST, REGISTRY


def acks_out_of_order() -> None:
    """Each record is acknowledged when it is done, whatever stands before it."""

    def release(_: Tracker, ticket: Ticket) -> None:
        ticket.done = True
        if not ticket.line.closed and ticket.ack is not None:
            ticket.ack()

    setattr(Tracker, "release", release)  # noqa: B010  mypy would not let it pass otherwise


def die(*_: object, **__: object) -> None:
    """As by kill -9, at this very point."""
    os.kill(os.getpid(), signal.SIGKILL)


def dies_after_claiming() -> None:
    """Admitted, and nothing else."""
    setattr(Pipeline, "start_runs", die)  # noqa: B010  as above


def dies_when_it_begins() -> None:
    """A run is about to start."""
    setattr(RedisRuns, "begin", die)  # noqa: B010  as above


def dies_before_recording() -> None:
    """The model call is about to be noted, and then sent."""
    setattr(RedisRuns, "record", die)  # noqa: B010  as above


def dies_before_deciding() -> None:
    """The run is paid and recorded, its outcome is not decided."""
    setattr(RedisRuns, "decide", die)  # noqa: B010  as above


def dies_before_adding() -> None:
    """The outcome is decided, its turn is not in the database of sessions."""
    setattr(SqlSessions, "add", die)  # noqa: B010  as above


def dies_before_publishing() -> None:
    """The run is paid, its outcome is decided, its session's turn is kept, and nothing is published."""
    setattr(KafkaOutbox, "publish", die)  # noqa: B010  as above


def dies_in_its_transaction() -> None:
    """The records are on the broker, and nobody has decided what becomes of them."""
    setattr(FencedProducer, "commit_offsets", die)  # noqa: B010  as above


def dies_before_its_commit() -> None:
    """The coordinator has accepted the offsets."""
    setattr(FencedProducer, "commit_transaction", die)  # noqa: B010  as above


def dies_before_remembering() -> None:
    """The outcome is committed; the claim store does not know."""
    setattr(RedisClaims, "answer", die)  # noqa: B010  as above


def dies_before_releasing() -> None:
    """Committed and remembered; the offset is not released."""
    setattr(Tracker, "release", die)  # noqa: B010  as above


def waits_before_committing() -> None:
    """Long enough to be frozen with its records on the broker and its membership proven."""
    commit = FencedProducer.commit_transaction

    async def slow(producer: FencedProducer) -> None:
        print("about to commit", flush=True)
        await asyncio.sleep(0.5)
        await commit(producer)

    setattr(FencedProducer, "commit_transaction", slow)  # noqa: B010  as above


def admission_dies() -> None:
    """Of something that nobody thought of."""

    async def decide(*_: object) -> None:
        raise ZeroDivisionError("a bug in admission")

    setattr(Admission, "decide", decide)  # noqa: B010  as above


def knows_no_partitions_at_first() -> None:
    """As the leader of a group does right after Kafka was restarted."""
    assign = RoundRobinPartitionAssignor.assign
    knows: list[bool] = []

    def first_none(_: object, cluster: Any, members: Any) -> Any:
        known = cluster if knows else SimpleNamespace(partitions_for_topic=lambda _: None)
        knows.append(True)
        return assign(known, members)

    setattr(RoundRobinPartitionAssignor, "assign", classmethod(first_none))  # noqa: B010  as above


MUTANTS: Mapping[str, Callable[[], None]] = {
    mutant.__name__: mutant
    for mutant in (
        acks_out_of_order,
        dies_after_claiming,
        dies_when_it_begins,
        dies_before_recording,
        dies_before_deciding,
        dies_before_adding,
        dies_before_publishing,
        dies_in_its_transaction,
        dies_before_its_commit,
        dies_before_remembering,
        dies_before_releasing,
        waits_before_committing,
        admission_dies,
        knows_no_partitions_at_first,
    )
}


async def work(settings: Settings, registry: Registry) -> int:
    """As the command does, without books."""
    stop = await lifetime.stop_event()
    running = Worker(settings, registry)
    try:
        await running.start()
        await running.serve(stop)
        await running.drain()
    finally:
        await asyncio.shield(running.stop())
    return 0


def run(mutants: Sequence[str]) -> int:
    """Run until SIGTERM."""
    for name in mutants:
        MUTANTS[name]()
    settings = load()
    logs.configure(settings.log_level, settings.log_format)
    if settings.sessions_url is not None:
        REGISTRY.register(DIARIST)
    return lifetime.run(lambda: work(settings, REGISTRY))
