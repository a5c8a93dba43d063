"""Reaching Kafka within a patience that a person at a terminal has."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.errors import (
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    RequestTimedOutError,
)

from app.startup import PATIENCE_S, CannotStart, no_kafka

_SILENT = (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError, RequestTimedOutError, OSError)


@asynccontextmanager
async def reaching(bootstrap: str, patience_s: float = PATIENCE_S) -> AsyncIterator[None]:
    """What is done within must be done soon. CannotStart says where nobody answered, and what to do."""
    try:
        async with asyncio.timeout(patience_s):
            yield
    except (*_SILENT, TimeoutError) as error:
        raise CannotStart(no_kafka(bootstrap, error)) from error
