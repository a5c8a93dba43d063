"""A transactional producer whose offset commit names the group's generation, so that a zombie is refused.

aiokafka speaks version 0 of TxnOffsetCommit, which knows no group members. Version 3 (KIP-447) lets the
group's coordinator check generation and member: a worker that lost its partitions while it was frozen cannot
finish a transaction, and one transactional producer per worker is enough, whatever the number of partitions.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.client import CoordinationType
from aiokafka.errors import KafkaError, for_code
from aiokafka.producer import sender as aiokafka_sender
from aiokafka.producer.sender import Sender, TxnOffsetCommitHandler
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
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from app.adapters.group_offsets import Committed
from streams.ownership import Membership

# How long to wait when the markers of the last transaction are still being written; 20 ms would be felt.
CONCURRENT_BACKOFF_S = 0.002
FENCED_CODES = frozenset({22, 25, 27, 82})  # illegal generation, unknown member, rebalancing, fenced instance


class GroupFenced(KafkaError):  # type: ignore[misc]  # aiokafka is not typed
    """The consumer group has moved on: this worker does not own what it tried to publish for."""


class TxnOffsetCommitResponseV3(Response):  # type: ignore[misc]  # aiokafka is not typed
    """Errors by partition."""

    API_KEY = 28
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "errors",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partition_errors",
                    CompactArray(("partition", Int32), ("error_code", Int16), ("tags", TaggedFields)),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class TxnOffsetCommitRequestV3(RequestStruct):  # type: ignore[misc]  # aiokafka is not typed
    """The offsets of a transaction, committed as a member of the group."""

    API_KEY = 28
    API_VERSION = 3
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = TxnOffsetCommitResponseV3
    SCHEMA = Schema(
        ("transactional_id", CompactString("utf-8")),
        ("group_id", CompactString("utf-8")),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("generation_id", Int32),
        ("member_id", CompactString("utf-8")),
        ("group_instance_id", CompactString("utf-8")),
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", CompactString("utf-8")),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class FencedCommit(Request[TxnOffsetCommitRequestV3]):  # type: ignore[misc]  # aiokafka is not typed
    """Version 3 or nothing: an older broker would not fence."""

    API_KEY = 28

    def __init__(self, *fields: Any) -> None:
        self._fields = fields

    def build(self, request_struct_class: type[TxnOffsetCommitRequestV3]) -> TxnOffsetCommitRequestV3:
        """The request as it goes over the wire."""
        return request_struct_class(*self._fields)


class FencedCommitHandler(TxnOffsetCommitHandler):  # type: ignore[misc]  # aiokafka is not typed
    """Sends the commit; a refusal for the membership's sake makes the transaction abortable."""

    def __init__(self, sender: "FencedSender", offsets: Any, group_id: str, membership: Membership) -> None:
        super().__init__(sender, offsets, group_id)
        self._membership = membership

    def create_request(self) -> FencedCommit:
        """All offsets, as the member that owns them."""
        txn, member = self._sender._txn_manager, self._membership
        topics: defaultdict[str, list[Any]] = defaultdict(list)
        for partition, offset in sorted(self._offsets.items()):
            topics[partition.topic].append((partition.partition, offset.offset, -1, offset.metadata, {}))
        return FencedCommit(
            txn.transactional_id,
            self._group_id,
            txn.producer_id,
            txn.producer_epoch,
            member.generation,
            member.member_id,
            member.instance_id,
            [(topic, partitions, {}) for topic, partitions in topics.items()],
            {},
        )

    def handle_response(self, resp: Any) -> float | None:
        """As aiokafka handles version 0, but for the codes of a group that has moved on."""
        errors = [
            (topic, [(partition, code) for partition, code, _ in partitions])
            for topic, partitions, _ in resp.errors
        ]
        for _, partitions in errors:
            for _, code in partitions:
                if code in FENCED_CODES:
                    self._refused(GroupFenced(for_code(code).__name__))
                    return None
        plain = type("PlainResponse", (), {"errors": errors})
        backoff: float | None = super().handle_response(plain)
        return backoff

    def _refused(self, error: GroupFenced) -> None:
        """The transaction can only be aborted now, and must be.

        aiokafka forgets here what the transaction holds, and sends no abort for one that seems empty: what
        was written would be committed with the producer's next transaction.
        """
        txn = self._sender._txn_manager
        partitions, group = set(txn.txn_partitions), txn._txn_consumer_group
        txn.error_transaction(error)
        txn._txn_partitions |= partitions
        txn._txn_consumer_group = group
        txn.wait_for_transaction_end().exception()  # it is told by the commit of the offsets already


class FencedSender(Sender):  # type: ignore[misc]  # aiokafka is not typed
    """The sender of a fenced producer."""

    membership: Membership

    async def _do_txn_offset_commit(self, offsets: Any, group_id: str) -> None:
        if offsets:
            node = await self._find_coordinator(CoordinationType.GROUP, group_id)
            await FencedCommitHandler(self, offsets, group_id, self.membership).do(node)


class FencedProducer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka is not typed
    """An AIOKafkaProducer that commits offsets as a member of the consumer group."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        plain = vars(self)["_sender"]  # what aiokafka made; ours replaces it
        self._sender = FencedSender(
            self.client,
            acks=plain._acks,
            txn_manager=plain._txn_manager,
            message_accumulator=plain._message_accumulator,
            retry_backoff_ms=options.get("retry_backoff_ms", 100),
            request_timeout_ms=plain._request_timeout_ms,
        )
        aiokafka_sender.BACKOFF_OVERRIDE = CONCURRENT_BACKOFF_S

    async def commit_offsets(
        self, offsets: Mapping[TopicPartition, Committed], group_id: str, membership: Membership
    ) -> None:
        """Within a transaction: the offsets, and the proof that this worker still is who it was."""
        if membership.generation < 0 or not membership.member_id or not offsets:
            # The coordinator takes a commit that names no member for that of an old client, unchecked.
            raise GroupFenced("this worker is no member of the group")
        self._sender.membership = membership
        positions = {place: OffsetAndMetadata(one.offset, one.note) for place, one in offsets.items()}
        await self.send_offsets_to_transaction(positions, group_id)
