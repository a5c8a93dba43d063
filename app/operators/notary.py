"""Writes what operators do themselves: audits of it, and the exact bytes of records that are sent again."""

from typing import Final

from aiokafka import AIOKafkaProducer

from app.adapters.clock import SystemClock
from app.client.reach import reaching
from app.operators.errand import Errand
from app.operators.letter_deeds import DONE, DROP, REPLAY
from app.operators.letters import Letter
from schemas.audit import AuditRecord
from schemas.codec import encode
from schemas.dead_letters import RawRecord
from schemas.partitions import partition_for
from schemas.signatures import SIGNATURE_HEADER
from schemas.versions import schema_header
from streams.options import KafkaOptions
from streams.topics import topic_names

AUDIT_HEADERS = [schema_header("audit")]
LARGEST = 16 * 1024 * 1024  # what came before must fit again: the topic's own limit decides


class Notary:
    """Open it, then write. Each call returns when the brokers have it."""

    def __init__(self, kafka: KafkaOptions, errand: Errand) -> None:
        self._kafka: Final = kafka
        self._errand: Final = errand
        self._names: Final = topic_names(kafka.topic_prefix, kafka.app_id)
        self._producer: Final = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap, acks="all", max_request_size=LARGEST
        )

    async def open(self) -> None:
        """Connect."""
        async with reaching(self._kafka.bootstrap):
            await self._producer.start()

    async def close(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def drop(self, letter: Letter) -> None:
        """An audit that says so; the letter itself stays on its topic until that forgets it."""
        await self._audit(letter, DROP, f"dlq-drop-{letter.id}")

    async def send_again(self, letter: Letter, raw: RawRecord) -> tuple[int, int]:
        """Produce the bytes to the partition of their key, and say so; partition and offset."""
        # Without a key there is no partition that is right: the one that they came from is as good.
        partition = (
            letter.letter.source.partition
            if raw.key is None
            else partition_for(raw.key, self._kafka.partitions)
        )
        topic, headers = self._names.requests, list(raw.headers)
        if self._errand.vouches:
            headers = [(name, value) for name, value in headers if name != SIGNATURE_HEADER]
            headers += self._errand.signer.headers(topic, raw.key, raw.value)
        placed = await self._producer.send_and_wait(
            topic, raw.value, key=raw.key, partition=partition, headers=headers
        )
        await self._audit(letter, REPLAY, f"dlq-sent-{placed.partition}-{placed.offset}")
        return placed.partition, placed.offset

    async def _audit(self, found: Letter, action: str, audit_id: str) -> None:
        record = AuditRecord(
            audit_id=audit_id,
            at=SystemClock.at(),
            actor=self._errand.actor,
            action=action,
            tenant_id=found.letter.tenant_id,
            request_id=found.letter.request_id,
            subject=found.id,
            outcome=DONE,
        )
        await self._producer.send_and_wait(
            self._names.audit,
            encode(record),
            key=found.key,
            partition=found.partition,
            headers=AUDIT_HEADERS,
        )
