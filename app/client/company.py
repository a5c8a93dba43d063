"""Says so where nobody works for the deployment: an answer may come, but only once somebody does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import typer

from app.client.group import member_count
from streams.options import KafkaOptions

LONELY_S = 2.0  # so long without an answer, and it is worth asking whether anybody works


@contextlib.asynccontextmanager
async def company(kafka: KafkaOptions) -> AsyncIterator[None]:
    """While an answer is awaited."""

    async def look() -> None:
        members = None
        while members is None:  # a new Kafka cannot tell at once
            await asyncio.sleep(LONELY_S)
            members = await member_count(kafka.bootstrap, kafka.app_id)
        if not members:
            typer.echo(f"no worker is in the group {kafka.app_id} yet: start `penstock worker`", err=True)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
