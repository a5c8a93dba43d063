"""Deletes a session, or what is remembered of a user: its runs are cancelled first, and it is audited."""

import uuid
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer

from agents_defs.memory.facts import Owner
from app.adapters.clock import SystemClock
from app.client.company import company
from app.client.listening import Silence
from app.client.reach import reaching
from app.client.signing import Signer
from app.operators import reading
from app.operators.control_line import ControlLine, Order
from app.operators.session_desk import Gone, SessionDesk
from schemas.codec import encode
from schemas.control import Command, ControlCommand
from schemas.partitions import partition_for
from schemas.versions import schema_header
from streams.audits import Finding, of_command
from streams.options import KafkaOptions
from streams.parked import Parked
from streams.question_ids import asked_in
from streams.topics import AUDIT

SESSION_DELETED, FACTS_DELETED = "session_deleted", "facts_deleted"
REASON = "its session is deleted"


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be deleted. At least one of the two."""

    tenant_id: str
    session_id: str | None
    user_id: str | None

    @property
    def owner(self) -> Owner | None:
        """Whose facts go, too."""
        return None if self.user_id is None else Owner(self.tenant_id, self.user_id)


@dataclass(frozen=True, slots=True)
class Report:
    """What was deleted."""

    gone: Gone = field(default_factory=lambda: Gone(0, 0))
    facts: int = 0
    cancelled: Sequence[str] = ()
    uncancelled: Sequence[str] = ()  # no worker answered; the commands stand
    audits: Sequence[str] = ()


async def open_requests(kafka: KafkaOptions, desk: SessionDesk, target: Target) -> Sequence[str]:
    """Its requests that wait or run, and those that these have other agents do."""
    tenant_id, session_id = target.tenant_id, target.session_id
    if session_id is None:
        return ()

    def its_own(one: Parked) -> bool:
        return one.session_id == session_id or asked_in(tenant_id, session_id, one.request_id)

    rows = await reading.waiting(kafka, tenant_id, its_own)
    parked = {row.parked.request_id for row in rows}
    return sorted(parked | set(await desk.under_way(tenant_id, session_id)))


@dataclass(frozen=True, slots=True)
class Deletion:
    """By one person."""

    kafka: KafkaOptions
    signer: Signer
    actor: str
    patience_s: float

    async def carry_out(self, desk: SessionDesk, target: Target, requests: Sequence[str]) -> Report:
        """Everything of it. Whatever could not be cancelled does not write back what is deleted."""
        left = await self._cancel(target.tenant_id, requests)
        gone, facts, audits = Gone(0, 0), 0, []
        if target.session_id is not None:
            gone = await desk.delete(target.tenant_id, target.session_id)
            audits.append((SESSION_DELETED, target.session_id))
        if target.owner is not None:
            facts = await desk.forget_user(target.owner)
            audits.append((FACTS_DELETED, target.owner.user_id))
        cancelled = [one for one in requests if one not in left]
        return Report(gone, facts, cancelled, sorted(left), await self._audit(target.tenant_id, audits))

    async def _cancel(self, tenant_id: str, requests: Sequence[str]) -> set[str]:
        """Returns those of which no worker said anything."""
        left = set(requests)
        if not left:
            return left
        line = ControlLine(self.kafka, self.signer)
        orders = [
            Order(
                tenant_id,
                ControlCommand(
                    command=Command.CANCEL,
                    request_id=one,
                    actor=self.actor,
                    reason=REASON,
                    at=SystemClock.at(),
                ),
            )
            for one in requests
        ]
        try:
            await line.open([tenant_id])
            async with company(self.kafka), aclosing(line.give(orders, self.patience_s)) as answers:
                async for answer in answers:
                    left.discard(answer.order.command.request_id or "")
        except Silence:
            pass  # the commands stand on the control topic
        finally:
            await line.close()
        return left

    async def _audit(self, tenant_id: str, deeds: Sequence[tuple[str, str]]) -> Sequence[str]:
        kafka, key = self.kafka, tenant_id.encode()
        topic = AUDIT.full_name(kafka.topic_prefix, kafka.app_id)
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap, enable_idempotence=kafka.idempotent, acks="all"
        )
        ids = []
        async with reaching(kafka.bootstrap):
            await producer.start()
        try:
            for action, subject in deeds:
                ids.append(f"session-{uuid.uuid4().hex}")
                audit = of_command(
                    ids[-1], SystemClock.at(), self.actor, action, tenant_id, Finding("done", subject=subject)
                )
                place = partition_for(key, kafka.partitions)
                headers = [schema_header(AUDIT.schema)]
                await producer.send_and_wait(topic, encode(audit), key, place, headers=headers)
        finally:
            await producer.stop()
        return ids
