"""Every request that the node answers: its versions, and who answers it.

The structures on the wire are aiokafka's.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiokafka.protocol import (
    admin,
    commit,
    coordination,
    fetch,
    group,
    metadata,
    offset,
    produce,
    transaction,
)

from app.adapters.fenced_producer import TxnOffsetCommitRequestV3
from app.adapters.group_offsets import OffsetFetchRequestV7
from app.brokers.node import group_requests as groups
from app.brokers.node import log_requests as log
from app.brokers.node import topic_requests as topics
from app.brokers.node import transaction_requests as transactions
from app.brokers.node.log_requests import Row
from app.brokers.node.refusals import Code
from app.brokers.node.state import Node

API_VERSIONS, JOIN_GROUP = 18, 11


@dataclass(frozen=True, slots=True)
class Api:
    """One kind of request: the structures it may come in, by version, and its answer."""

    structs: dict[int, Any]
    answer: Callable[..., Awaitable[Row | None]]


async def api_versions(_node: Node, request: Any) -> Row:
    """What this node understands."""
    ranges = version_ranges()
    return (Code.NONE, ranges, 0) if request.API_VERSION else (Code.NONE, ranges)


def version_ranges() -> list[tuple[int, int, int]]:
    """Each request's key, lowest and highest version."""
    return [(key, min(api.structs), max(api.structs)) for key, api in sorted(APIS.items())]


def _structs(request: Any, low: int, high: int) -> dict[int, Any]:
    found = {struct.API_VERSION: struct for struct in request._CLASSES}  # noqa: SLF001  aiokafka lists them nowhere else
    return {version: struct for version, struct in found.items() if low <= version <= high}


APIS: dict[int, Api] = {
    0: Api(_structs(produce.ProduceRequest, 3, 7), log.produce),
    1: Api(_structs(fetch.FetchRequest, 4, 6), log.fetch),
    2: Api(_structs(offset.OffsetRequest, 1, 3), log.list_offsets),
    3: Api(_structs(metadata.MetadataRequest, 1, 5), topics.metadata),
    8: Api(_structs(commit.OffsetCommitRequest, 2, 3), groups.offset_commit),
    9: Api({**_structs(commit.OffsetFetchRequest, 1, 3), 7: OffsetFetchRequestV7}, groups.offset_fetch),
    10: Api(_structs(coordination.FindCoordinatorRequest, 0, 1), groups.find_coordinator),
    JOIN_GROUP: Api(_structs(group.JoinGroupRequest, 2, 5), groups.join_group),
    12: Api(_structs(group.HeartbeatRequest, 0, 1), groups.heartbeat),
    13: Api(_structs(group.LeaveGroupRequest, 0, 1), groups.leave_group),
    14: Api(_structs(group.SyncGroupRequest, 0, 3), groups.sync_group),
    15: Api(_structs(admin.DescribeGroupsRequest, 0, 2), groups.describe_groups),
    16: Api(_structs(admin.ListGroupsRequest, 0, 1), groups.list_groups),
    API_VERSIONS: Api(_structs(admin.ApiVersionRequest, 0, 2), api_versions),
    19: Api(_structs(admin.CreateTopicsRequest, 0, 3), topics.create_topics),
    20: Api(_structs(admin.DeleteTopicsRequest, 0, 3), topics.delete_topics),
    21: Api(_structs(admin.DeleteRecordsRequest, 0, 1), log.delete_records),
    22: Api(_structs(transaction.InitProducerIdRequest, 0, 0), transactions.init_producer_id),
    24: Api(_structs(transaction.AddPartitionsToTxnRequest, 0, 0), transactions.add_partitions),
    25: Api(_structs(transaction.AddOffsetsToTxnRequest, 0, 0), transactions.add_offsets),
    26: Api(_structs(transaction.EndTxnRequest, 0, 0), transactions.end_transaction),
    28: Api(
        {**_structs(transaction.TxnOffsetCommitRequest, 0, 0), 3: TxnOffsetCommitRequestV3},
        transactions.commit_offsets,
    ),
    32: Api(_structs(admin.DescribeConfigsRequest, 0, 2), topics.describe_configs),
    33: Api(_structs(admin.AlterConfigsRequest, 0, 1), topics.alter_configs),
    37: Api(_structs(admin.CreatePartitionsRequest, 0, 1), topics.create_partitions),
    42: Api(_structs(admin.DeleteGroupsRequest, 0, 1), groups.delete_groups),
}
