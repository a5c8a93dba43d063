"""Looks at the requests that are parked: whether this version can read them."""

import asyncio

from aiokafka.errors import KafkaError

from app.client.log_reader import LogReader, partition_count
from app.client.places import Edge
from app.doctor.finding import Finding, ok, warn
from app.operators.skipped import Skipped
from app.operators.waiting import WaitingBook
from app.startup import CannotStart
from streams.options import KafkaOptions
from streams.topics import PARKED

CHECK = "parked"
LOOK_S = 10.0


async def examine(kafka: KafkaOptions) -> list[Finding]:
    """Nothing where Kafka or the topic is away, which others tell."""
    book = WaitingBook(lambda _: False)  # those that can be read need not be kept
    try:
        async with asyncio.timeout(LOOK_S):
            await _fill(kafka, book)
    except TimeoutError:
        return [judge(book.skipped, whole=False)]
    except (KafkaError, CannotStart):
        return []
    return [judge(book.skipped, whole=True)]


async def _fill(kafka: KafkaOptions, book: WaitingBook) -> None:
    name = PARKED.full_name(kafka.topic_prefix, kafka.app_id)
    count = await partition_count(kafka.bootstrap, name)
    if not count:
        return
    reader = LogReader(kafka.bootstrap, name, range(count), committed=True)
    try:
        await reader.open(Edge("beginning"))
        async for batch in reader.records(follow=False):
            book.add_all(sorted(batch, key=lambda record: (record.partition, record.offset)))
    finally:
        await reader.close()


def judge(skipped: Skipped, *, whole: bool) -> Finding:
    """`whole`: all of the topic was read."""
    so_far = "" if whole else f" in what could be read of them within {LOOK_S:.0f} s"
    if not skipped.count:
        return ok(CHECK, f"every request that waits can be read{so_far}")
    requests = "1 request" if skipped.count == 1 else f"{skipped.count} requests"
    return warn(
        CHECK,
        f"{requests} cannot be read and wait on{so_far}; the first: {skipped.first}",
        "run the version of Penstock that wrote them; see docs/how-to/parked.md",
    )
