"""The outbox on Kafka: outcomes in short transactions (or, in plain delivery, by an idempotent producer)."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from app.adapters import group_offsets, record_batches
from app.adapters.committed_read import is_committed
from app.adapters.fenced_producer import FencedProducer, GroupFenced
from app.adapters.group_commit import Delivered, GroupCommit
from app.adapters.group_offsets import Committed
from app.adapters.landing import Landing, landing, merged, proof
from app.adapters.positions import Positions
from streams.flow import Parcel
from streams.lifeline import Lifeline
from streams.observations import Observer, PublishRetried, StoreAway
from streams.options import StreamOptions
from streams.ownership import Assignment, Ownership
from streams.ports import ClaimStore, Clock, Shelf, StoreUnavailable
from streams.topics import TopicNames

TRANSACTION_TIMEOUT_MS = 10_000
REMEMBER_RETRY_S = 0.1


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an outbox works with."""

    options: StreamOptions
    topics: TopicNames
    ownership: Ownership
    claims: ClaimStore
    clock: Clock
    observer: Observer
    position: Callable[[int], int | None]  # the first offset of a partition that is not released
    busy: Callable[[], bool]  # whether anything is being run
    lifeline: Lifeline


@dataclass(frozen=True, slots=True)
class Doubt:
    """A transaction whose commit was asked for and not answered."""

    parcels: Sequence[Parcel]
    proof: tuple[TopicPartition, int] | None  # a record that shows what happened
    landing: Landing


def transactional_id(options: StreamOptions) -> str:
    """Stable where the worker has a name, so that its successor fences it by that name alone."""
    return f"{options.kafka.app_id}-{options.kafka.worker_id or uuid.uuid4().hex}"


class KafkaOutbox:
    """Publishes parcels; one producer for the worker, however many partitions it owns."""

    def __init__(self, around: Surroundings, transactional_id: str | None) -> None:
        self._around: Final = around
        self._transactional_id: Final = transactional_id
        self._producer: AIOKafkaProducer | None = None
        self._doubt: Doubt | None = None
        self._settled: list[Doubt] = []  # published after all, until their delivery is whole
        self._positions: Final = Positions(around.topics, around.options.kafka.app_id, around.position)
        self._uncommitted: dict[TopicPartition, Committed] = {}  # in plain delivery
        self._commit = GroupCommit(
            around.ownership,
            self,
            around.clock,
            around.observer,
            around.options.commit_window_s,
            around.busy,
        )

    async def start(self) -> None:
        """Connect: in transactional delivery this fences a predecessor of the same name."""
        self._producer = await self._connect()
        self._around.lifeline.hold(self._commit.start())

    async def stop(self) -> None:
        """Stop publishing."""
        await self._commit.stop()
        await self._disconnect()

    async def publish(self, parcel: Parcel) -> int | None:
        """Return when the parcel is durable and remembered; the offset of its record on the parked topic."""
        return await self._commit.publish(parcel)

    async def _connect(self) -> AIOKafkaProducer:
        kafka, flow = self._around.options.kafka, self._around.options.flow
        common: dict[str, Any] = {
            "bootstrap_servers": kafka.bootstrap,
            "acks": "all",
            "linger_ms": 0,
            "max_batch_size": record_batches.BATCH_BYTES,
            "max_request_size": flow.max_record_bytes + record_batches.BATCH_BYTES,
        }
        producer: AIOKafkaProducer
        if self._transactional_id is None:
            producer = AIOKafkaProducer(enable_idempotence=kafka.idempotent, **common)
        else:
            producer = FencedProducer(
                transactional_id=self._transactional_id,
                transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
                **common,
            )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError):
                await producer.stop()

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivered:
        """For the group commit: in one transaction."""
        assignment = self._around.ownership.present
        if assignment is None:
            raise GroupFenced("a rebalance is under way")
        landed = await self._send(parcels, assignment)
        # Of a partition that was lost after a commit nobody answered, nothing is remembered here.
        theirs = {parcel.partition for parcel in parcels}
        checkpoints = {shelf: upto for shelf, upto in landed.checkpoints.items() if shelf.partition in theirs}
        return Delivered(landed.parked, checkpoints)

    async def _send(self, parcels: Sequence[Parcel], assignment: Assignment) -> Landing:
        if self._producer is None:
            self._producer = await self._connect()
        producer = self._producer
        try:
            if not isinstance(producer, FencedProducer):
                return await self._publish(producer, parcels, assignment)
            await self._settle_doubt()
            known = {id(parcel) for settled in self._settled for parcel in settled.parcels}
            left = [parcel for parcel in parcels if id(parcel) not in known] if known else parcels
            landings = [settled.landing for settled in self._settled]
            if left:
                landings.append(await self._transact(producer, left, assignment))
            self._settled = []
            return merged(landings)
        except GroupFenced:
            # The group moved on: wait for the assignment that says what is still ours.
            await producer.abort_transaction()
            if self._around.ownership.present is assignment:
                await asyncio.sleep(self._around.options.kafka.session_timeout_s / 20)
            raise
        except BaseException:
            # A transaction of unknown fate: the next producer of this name ends it before it starts its own.
            await self._disconnect()
            raise

    async def _publish(
        self, producer: AIOKafkaProducer, parcels: Sequence[Parcel], assignment: Assignment
    ) -> Landing:
        """Plain delivery. What fails after the records must not have them published again."""
        sent = await self._hand_over(producer, parcels)
        landed = landing(self._around.topics, parcels, sent)
        due = self._uncommitted | self._positions.of_control(parcels)
        due = {place: one for place, one in due.items() if place.partition in assignment.partitions}
        if due:
            try:
                group = self._around.options.kafka.app_id
                await group_offsets.commit(producer.client, due, group, assignment.membership)
            except KafkaError as error:
                self._around.observer.observe(PublishRetried(0, f"control positions: {error!r}"))
            else:
                due = {}
        self._uncommitted = due  # goes with the next ones
        return landed

    async def _transact(
        self, producer: FencedProducer, parcels: Sequence[Parcel], assignment: Assignment
    ) -> Landing:
        topics = self._around.topics
        await producer.begin_transaction()
        # The records first, then the proof of membership: who owns the partition next must see them pending.
        sent = await self._hand_over(producer, parcels)
        landed = landing(topics, parcels, sent)
        if self._around.ownership.latest is not assignment:
            # A member that joins again within one generation stays who it was, so the coordinator lets it
            # pass; but what its next tenure knows was read before these records stood there.
            raise GroupFenced("there is a later assignment")
        await producer.commit_offsets(
            await self._positions.proving(producer.client, parcels, assignment, self._transactional_id or ""),
            self._around.options.kafka.app_id,
            assignment.membership,
        )
        # From here on the commit may have happened although no answer says so.
        self._doubt = Doubt(parcels, proof(topics, sent), landed)
        await producer.commit_transaction()
        self._doubt = None
        return landed

    async def _settle_doubt(self) -> None:
        """Whether a commit that was not answered happened. Asked of the new producer's broker: when that
        producer had its id, the fate of the transaction was decided."""
        doubt = self._doubt
        if doubt is None:
            return
        # Without any record it does not matter: the same offsets may be committed again.
        if doubt.proof is not None:
            place, offset = doubt.proof
            if await is_committed(self._around.options.kafka.bootstrap, place, offset):
                self._settled.append(doubt)
        self._doubt = None

    async def _hand_over(self, producer: AIOKafkaProducer, parcels: Sequence[Parcel]) -> list[Any]:
        emissions = [emission for parcel in parcels for emission in parcel.emissions]
        return await record_batches.send(producer, emissions)

    async def remember(self, parcels: Sequence[Parcel], checkpoints: Mapping[Shelf, int]) -> None:
        """For the group commit: the claim store knows that they have their outcome."""
        answered = [parcel.answered for parcel in parcels if parcel.answered is not None]
        away = False
        while answered:
            try:
                await self._around.claims.answer(answered, checkpoints)
            except StoreUnavailable as error:
                away = True
                self._around.observer.observe(StoreAway("answers", back=False, reason=str(error)))
                await asyncio.sleep(REMEMBER_RETRY_S)
            else:
                if away:
                    self._around.observer.observe(StoreAway("answers", back=True, reason=""))
                return
