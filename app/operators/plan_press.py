"""Writes plans with their audits; whoever changed one of them meanwhile is not written over in silence."""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from app import closing, startup
from app.adapters.clock import SystemClock
from app.client.reach import reaching
from app.operators.errand import Errand
from app.operators.plan_change import Change, digest
from app.operators.plan_standing import Standing
from schemas.audit import AuditRecord
from schemas.codec import encode
from schemas.partitions import partition_for
from schemas.text import writable
from schemas.versions import schema_header
from streams.audits import LONGEST, Finding, of_command
from streams.options import KafkaOptions
from streams.topics import AUDIT, TENANTS

PLAN_SET, PLAN_REMOVED = "plan_set", "plan_removed"
REASON_HEADER = "reason"  # the record of an audit has no field for it
AT_ONCE = 500
BATCH_BYTES = 128 * 1024
LARGEST = 16 * 1024 * 1024  # the topic's own limit decides
TRANSACTION_MS = 60_000
POLL_MS = 100
LOOK_S = 30.0

Offsets = Mapping[str, int]
Progress = Callable[[int], None]


class Overtaken(Exception):
    """Somebody else changed these tenants' plans meanwhile. `written`: ours stand behind theirs."""

    def __init__(self, tenants: Sequence[str], *, written: bool) -> None:
        super().__init__(", ".join(tenants))
        self.tenants = tenants
        self.written = written


class PlanPress:
    """Writes once, what was worked out from `standing`.

    With transactions all plans and audits are one: they stand there before it is decided, so that what others
    wrote before them is seen, and then none of them counts. Without, what others wrote is looked for before
    and after; plans go first, then their audits.
    """

    def __init__(self, kafka: KafkaOptions, errand: Errand, standing: Standing) -> None:
        self._kafka: Final = kafka
        self._errand: Final = errand
        self._standing: Final = standing
        self._plans: Final = TENANTS.full_name(kafka.topic_prefix, kafka.app_id)
        self._audits: Final = AUDIT.full_name(kafka.topic_prefix, kafka.app_id)
        reason = errand.reason
        self._why: Final = [] if reason is None else [(REASON_HEADER, writable(reason)[:LONGEST].encode())]

    async def write(self, changes: Sequence[Change], progress: Progress) -> None:
        """Return when the brokers have it. Overtaken, or KafkaError."""
        await startup.check_transactions(self._kafka)
        transactional = self._kafka.delivery == "transactional"
        producer = self._producer(transactional)
        try:
            async with reaching(self._kafka.bootstrap):
                await producer.start()
            if transactional:
                async with producer.transaction():
                    offsets = await self._write_plans(producer, changes, progress)
                    await self._require_untouched(changes, offsets)
                    await self._write_audits(producer, changes, offsets)
            else:
                await self._require_untouched(changes, None)
                offsets = await self._write_plans(producer, changes, progress)
                await self._write_audits(producer, changes, offsets)
                await self._require_untouched(changes, offsets, written=True)
        finally:
            await producer.stop()

    def _producer(self, transactional: bool) -> AIOKafkaProducer:
        how: dict[str, Any] = {"enable_idempotence": self._kafka.idempotent, "acks": "all"}
        if transactional:
            name = f"{self._kafka.app_id}-plans-{uuid.uuid4().hex}"
            how = {"transactional_id": name, "transaction_timeout_ms": TRANSACTION_MS}
        return AIOKafkaProducer(
            bootstrap_servers=self._kafka.bootstrap,
            max_request_size=LARGEST,
            max_batch_size=BATCH_BYTES,
            **how,
        )

    async def _write_plans(
        self, producer: AIOKafkaProducer, changes: Sequence[Change], progress: Progress
    ) -> Offsets:
        headers = [schema_header(TENANTS.schema), *self._why]
        offsets: dict[str, int] = {}
        for start in range(0, len(changes), AT_ONCE):
            together = changes[start : start + AT_ONCE]
            sent = [
                await producer.send(self._plans, one.new, _key(one), self._partition(one), headers=headers)
                for one in together
            ]
            placed = await asyncio.gather(*sent)
            offsets |= {one.tenant_id: at.offset for one, at in zip(together, placed, strict=True)}
            progress(len(together))
        return offsets

    async def _write_audits(
        self, producer: AIOKafkaProducer, changes: Sequence[Change], offsets: Offsets
    ) -> None:
        headers = [schema_header(AUDIT.schema), *self._why]
        sent = [
            await producer.send(
                self._audits,
                encode(self._audit(one, offsets[one.tenant_id])),
                _key(one),
                self._partition(one),
                headers=headers,
            )
            for one in changes
        ]
        await asyncio.gather(*sent)

    def _audit(self, change: Change, offset: int) -> AuditRecord:
        return of_command(
            f"plan-{self._partition(change)}-{offset}",
            SystemClock.at(),
            self._errand.actor,
            PLAN_REMOVED if change.new is None else PLAN_SET,
            change.tenant_id,
            Finding(
                "done",
                subject=change.tenant_id,
                before_sha256=digest(change.old),
                after_sha256=digest(change.new),
            ),
        )

    def _partition(self, change: Change) -> int:
        return partition_for(_key(change), self._kafka.partitions)

    # -- what others did since it was read

    async def _require_untouched(
        self, changes: Sequence[Change], offsets: Offsets | None, *, written: bool = False
    ) -> None:
        """Nobody wrote one of these plans before ours; without offsets: until now."""
        ours = {_key(one): None if offsets is None else offsets[one.tenant_id] for one in changes}
        until: dict[int, int | None] = {}
        for one in changes:
            place, own = self._partition(one), ours[_key(one)]
            until[place] = None if own is None else max(own + 1, until.get(place) or 0)
        found = await self._written_since(until, ours)
        if found:
            raise Overtaken(sorted(key.decode() for key in found), written=written)

    async def _written_since(
        self, until: Mapping[int, int | None], ours: Mapping[bytes, int | None]
    ) -> set[bytes]:
        """Whose plans others wrote, also in transactions that are still open."""
        reader = AIOKafkaConsumer(
            bootstrap_servers=self._kafka.bootstrap,
            isolation_level="read_uncommitted",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=POLL_MS,
        )
        try:
            async with asyncio.timeout(LOOK_S):
                await reader.start()
                places = {TopicPartition(self._plans, one): end for one, end in until.items()}
                reader.assign(list(places))
                now = await reader.end_offsets(list(places))
                for place in places:
                    reader.seek(place, self._standing.marks[place.partition])
                found: set[bytes] = set()
                ends = {place: now[place] if end is None else end for place, end in places.items()}
                while any([await reader.position(place) < end for place, end in ends.items()]):
                    for records in (await reader.getmany(timeout_ms=POLL_MS)).values():
                        found |= {one.key for one in records if self._is_news(one, ours)}
                return found
        finally:
            await closing.stop(reader)

    def _is_news(self, record: Any, ours: Mapping[bytes, int | None]) -> bool:
        if record.key not in ours or record.offset <= self._standing.last.get(record.key, -1):
            return False
        own = ours[record.key]
        return own is None or record.offset < own


def _key(change: Change) -> bytes:
    return change.tenant_id.encode()
