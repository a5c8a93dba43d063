"""The books against a real Kafka: killed, frozen, restarted, they tell what a recount of the topics tells."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import provision
from app.brokers.broker import BrokerHandle
from streams.book_values import is_mark
from streams.options import KafkaOptions
from tests.broker.books_rig import PATIENCE_S, SESSION_S, Rig

PARTITIONS = 4
pytestmark = pytest.mark.timeout(300)  # several processes are started one after the other


@pytest.fixture
def rig(kafka: BrokerHandle, topic_prefix: str, tmp_path: Path) -> Iterator[Rig]:
    """The topics of a deployment of its own; its processes are ended."""
    options = KafkaOptions(
        bootstrap=kafka.bootstrap,
        topic_prefix=topic_prefix,
        app_id=topic_prefix.rstrip("."),
        partitions=PARTITIONS,
    )
    asyncio.run(provision.create(options))
    rig = Rig(options, tmp_path)
    yield rig
    rig.end()


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + PATIENCE_S
    while not await holds():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}"
        await asyncio.sleep(0.1)


def long_ago(number: int) -> datetime:
    """Times that rise over ten minutes, an hour ago, out of order by some seconds."""
    return _AN_HOUR_AGO + timedelta(seconds=number * 0.06 + (number * 7919 % 20))


def now(_: int) -> datetime:
    """The present."""
    return datetime.now(UTC)


_AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


async def test_killed_while_it_reads_a_backlog_the_metrics_equal_a_recount_to_the_unit(rig: Rig) -> None:
    await rig.write(10_000, tenants=40, at=long_ago)
    total = await rig.unreleased()

    for share in (0.95, 0.6, 0.3):
        process = rig.start()
        await until(lambda share=share: _at_most(rig, total * share), f"{share:.0%} left")  # type: ignore[misc]
        process.kill()
        process.wait()
    process = rig.start()
    await until(lambda: _closed(rig), "every window is closed")

    assert rig.differences(await rig.told()) == []
    assert rig.stop(process)["late"] == 0


async def test_closed_windows_leave_tombstones_and_a_restart_has_nothing_to_do(rig: Rig) -> None:
    await rig.write(500, tenants=10, at=long_ago)
    first = rig.start()
    await until(lambda: _closed(rig), "every window is closed")
    figures = rig.stop(first)
    published = len(await rig.read(rig.topic("metrics")))

    second = rig.start()
    await rig.write(1, tenants=1, at=now)
    await until(lambda: _published_more(rig, published), "it works again")

    assert figures["tombstones"] == 10
    assert figures["closed"] == len(rig.facts) - 1
    assert {key for key in await rig.table() if not is_mark(key)} == {b"tenant-0"}
    assert rig.stop(second)["repeated"] == 0
    assert rig.differences(await rig.told()) == []


async def test_open_windows_survive_a_restart_and_offsets_are_released_past_transactions(rig: Rig) -> None:
    for _ in range(3):
        process = rig.start()
        await rig.write(600, tenants=8, at=now)
        left = await rig.unreleased()
        await until(lambda left=left: _at_most(rig, left - 1), "it is at work")  # type: ignore[misc]
        rig.stop(process)
    process = rig.start()
    await until(lambda: _at_most(rig, 2 * PARTITIONS), "only markers are left")

    rig.stop(process)

    assert await rig.unreleased() <= 2 * PARTITIONS
    assert rig.differences(await rig.told()) == []


async def test_a_frozen_process_that_wakes_up_does_not_spoil_what_its_successor_counted(rig: Rig) -> None:
    first = rig.start("first")
    await rig.write(1_000, tenants=20, at=now)
    await until(lambda: _agrees(rig), "the first has them all")
    second = rig.start("second")
    await rig.write(1_000, tenants=20, at=now)
    first.send_signal(signal.SIGSTOP)
    await rig.write(1_000, tenants=20, at=now)
    await asyncio.sleep(SESSION_S)
    await until(lambda: _agrees(rig), "the second took over")

    first.send_signal(signal.SIGCONT)
    await rig.write(1_000, tenants=20, at=now)
    await until(lambda: _agrees(rig), "both are at work")
    for process in (first, second):
        process.kill()
        process.wait()
    rig.start("first")
    await rig.write(1_000, tenants=20, at=now)

    await until(lambda: _agrees(rig), "what was recovered is right")


async def _at_most(rig: Rig, left: float) -> bool:
    return await rig.unreleased() <= left


async def _closed(rig: Rig) -> bool:
    table = await rig.table()
    return bool(table) and all(is_mark(key) for key in table)


async def _agrees(rig: Rig) -> bool:
    return not rig.differences(await rig.told())


async def _published_more(rig: Rig, before: int) -> bool:
    return len(await rig.read(rig.topic("metrics"))) > before
