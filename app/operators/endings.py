"""Hears how one request ended: its response, when it comes or where it stands already."""

import asyncio
from contextlib import aclosing
from typing import Final, Self

from app.client.log_reader import LogReader
from app.client.places import Edge
from app.client.record_filter import Raw
from app.operators.topic_scan import scan
from schemas.codec import decode
from schemas.partitions import partition_for
from schemas.responses import AgentResponse
from streams.answers import REQUEST_HEADER
from streams.options import KafkaOptions
from streams.topics import RESPONSES


class ResponseEar:
    """Listens from the moment on that it is opened."""

    def __init__(self, kafka: KafkaOptions, tenant_id: str, request_id: str) -> None:
        self._identity: Final = (tenant_id, request_id)
        name = RESPONSES.full_name(kafka.topic_prefix, kafka.app_id)
        partition = partition_for(tenant_id.encode(), kafka.partitions)
        self._reader: Final = LogReader(kafka.bootstrap, name, [partition], committed=True)

    async def open(self) -> Self:
        """Connect, and remember the end."""
        await self._reader.open(Edge("end"))
        return self

    async def close(self) -> None:
        """Disconnect."""
        await self._reader.close()

    async def hear(self, patience_s: float) -> AgentResponse | None:
        """Its response; None when none came for so long."""
        try:
            async with asyncio.timeout(patience_s), aclosing(self._reader.records(follow=True)) as batches:
                async for batch in batches:
                    for record in batch:
                        if (response := response_of(record, self._identity)) is not None:
                            return response
        except TimeoutError:
            pass
        return None


async def past_response(kafka: KafkaOptions, tenant_id: str, request_id: str) -> AgentResponse | None:
    """The one that stands on the topic; of several generations the last."""
    found = None
    async with aclosing(scan(kafka, RESPONSES, tenant=tenant_id)) as batches:
        async for batch in batches:
            for record in batch:
                found = response_of(record, (tenant_id, request_id)) or found
    return found


def response_of(record: Raw, identity: tuple[str, str]) -> AgentResponse | None:
    """None where it is another's, or no response; the header spares the decoding of nearly all."""
    if dict(record.headers).get(REQUEST_HEADER) != identity[1].encode():
        return None
    try:
        response = decode(AgentResponse, record.value)
    except ValueError:
        return None
    return response if (response.tenant_id, response.request_id) == identity else None
