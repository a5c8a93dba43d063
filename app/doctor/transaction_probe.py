"""One transaction from its beginning to its commit, which leaves nothing behind, and the broker's clock."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.client import CoordinationType
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)
from aiokafka.structs import TopicPartition

from app.adapters.clock import SystemClock
from app.doctor.clock import Reading

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DescribeTransactionsResponseV0(Response):  # type: ignore[misc]  # aiokafka is not typed
    """When the transactions began, by the coordinator's clock."""

    API_KEY = 65
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "transactions",
            CompactArray(
                ("error_code", Int16),
                ("transactional_id", CompactString("utf-8")),
                ("state", CompactString("utf-8")),
                ("timeout_ms", Int32),
                ("start_time_ms", Int64),
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                (
                    "topics",
                    CompactArray(
                        ("topic", CompactString("utf-8")),
                        ("partitions", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeTransactionsRequestV0(RequestStruct):  # type: ignore[misc]  # aiokafka is not typed
    """aiokafka has no request of this kind."""

    API_KEY = 65
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = DescribeTransactionsResponseV0
    SCHEMA = Schema(("transactional_ids", CompactArray(CompactString("utf-8"))), ("tags", TaggedFields))


class DescribeTransactions(Request[DescribeTransactionsRequestV0]):  # type: ignore[misc]  # aiokafka is not typed
    """Asks for one transaction."""

    API_KEY = 65

    def __init__(self, transactional_id: str) -> None:
        self._transactional_id = transactional_id

    def build(self, request_struct_class: type[DescribeTransactionsRequestV0]) -> Any:
        """What goes over the wire."""
        return request_struct_class([self._transactional_id], {})


async def run_transaction(bootstrap: str, app_id: str, topic: str) -> Reading | None:
    """Commit the offset of a group that is deleted again. None: the broker does not tell its clock."""
    name = f"{app_id}-doctor-{uuid.uuid4().hex}"
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=name)
    try:
        await producer.start()
        await producer.begin_transaction()
        before = SystemClock.at()
        await producer.send_offsets_to_transaction({TopicPartition(topic, 0): 0}, name)
        after = SystemClock.at()
        started = await _start_time(producer.client, name)
        await producer.commit_transaction()
        await _delete_group(producer.client, name)
    finally:
        await producer.stop()
    return None if started is None else Reading(before, started, after)


async def _start_time(client: Any, name: str) -> datetime | None:
    node = await client.coordinator_lookup(CoordinationType.TRANSACTION, name)
    try:
        answer = await client.send(node, DescribeTransactions(name))
    except (
        IncompatibleBrokerVersion,
        NotImplementedError,
    ):  # the latter is aiokafka's, for too new a request
        return None
    for code, _, _, _, start_time_ms, *_ in answer.transactions:
        if not code and start_time_ms > 0:
            return EPOCH + timedelta(milliseconds=start_time_ms)
    return None


async def _delete_group(client: Any, name: str) -> None:
    node = await client.coordinator_lookup(CoordinationType.GROUP, name)
    await client.send(node, DeleteGroupsRequest([name]))
