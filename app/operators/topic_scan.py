"""Reads a topic once, from where one likes to its end as it is now, partition by partition in their order."""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing

from app.adapters.clock import SystemClock
from app.client.log_reader import LogReader, partition_count
from app.client.places import Edge, Start
from app.client.record_filter import Raw
from app.operators.read_progress import ReadProgress
from app.terminal.exits import Trouble
from schemas.partitions import partition_for
from streams.options import KafkaOptions
from streams.topics import Topic

SILENCE_S = 30.0
BEGINNING = Edge("beginning")


async def scan(
    kafka: KafkaOptions,
    topic: Topic,
    *,
    tenant: str | None = None,
    tenants: Collection[str] = (),
    start: Start = BEGINNING,
    told: bool = True,
) -> AsyncGenerator[Sequence[Raw], None]:
    """In batches; with tenants only the partitions of their keys. Trouble where there is no such topic.

    `told`: the progress, on a terminal; who shows a bar meanwhile has no room for it.
    """
    name = topic.full_name(kafka.topic_prefix, kafka.app_id)
    count = await partition_count(kafka.bootstrap, name)
    if count is None:
        raise Trouble(
            f"there is no topic {name}: run `penstock topics create`, or set PENSTOCK_TOPIC_PREFIX and "
            "PENSTOCK_APP_ID to those of your workers"
        )
    keys = tenants if tenant is None else (tenant,)
    partitions = {partition_for(key.encode(), count) for key in keys} or range(count)
    reader = LogReader(kafka.bootstrap, name, partitions, committed=True)
    try:
        await reader.open(start)
        heard_at = SystemClock.now()
        with ReadProgress(name) as progress:
            async with aclosing(reader.records(follow=False)) as batches:
                async for batch in batches:
                    if told:
                        progress.add(len(batch), reader.share_read)
                    heard_at = SystemClock.now() if batch else heard_at
                    if SystemClock.now() - heard_at > SILENCE_S:
                        raise Trouble(f"nothing more comes of {name}: is the leader of its partitions there?")
                    # By time, as they come, two records of one key may change places.
                    yield sorted(batch, key=lambda raw: (raw.partition, raw.offset))
                    heard_at = SystemClock.now() if batch else heard_at  # they may have taken their time
    finally:
        await reader.close()
