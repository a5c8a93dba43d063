"""The composition root: settings and adapters -> a pipeline with everything it needs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

import redis.asyncio as redis

from agents_defs.registry import Registry
from app.adapters.clock import SystemClock
from app.adapters.file_verifier import FileVerifier
from app.adapters.group_coverage import GroupCoverage
from app.adapters.kafka_control import KafkaControl
from app.adapters.kafka_dead_letters import KafkaDeadLetters
from app.adapters.kafka_deltas import KafkaDeltas
from app.adapters.kafka_ledger import KafkaLedger
from app.adapters.kafka_outbox import KafkaOutbox, Surroundings, transactional_id
from app.adapters.kafka_parked import KafkaParked
from app.adapters.kafka_plans import KafkaPlans
from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_claims import RedisClaims
from app.adapters.redis_names import NameTaken, WorkerName
from app.adapters.redis_reservations import RedisReservations
from app.adapters.redis_runs import RedisRuns
from app.adapters.redis_windows import RedisWindows
from app.client.signing import Signer, read_private_key
from app.memory import Memory
from streams.admission import Admission, Tenants
from streams.buffers import Allowance
from streams.caps import CapsInForce
from streams.completion import Completion
from streams.control_desk import ControlDesk, DeskParts
from streams.conversations import Conversations
from streams.correspondence import Correspondence, Sign, unsigned
from streams.correspondence import Desk as Letters
from streams.emission import Emissary
from streams.estimates import Foresight
from streams.execution import Execution
from streams.flow import Parcel
from streams.intake import Intake
from streams.journal import Patience
from streams.licence import Licensing
from streams.lifeline import Lifeline
from streams.observations import Observer
from streams.options import StreamOptions, TrustOptions
from streams.ownership import Ownership
from streams.pacing import LoopPace
from streams.parking import Parking
from streams.pipeline import Pipeline, Stages
from streams.plans import Plans
from streams.ports import Foresees, Runs
from streams.recount import Recount
from streams.reminders import Means, Reminders
from streams.tenancy import Tenancy
from streams.topics import topic_names
from streams.topology import IntakeParts
from streams.trust import Trust
from streams.turns import Departure
from streams.waits import Surroundings as WaitsSurroundings
from streams.waits import Waits


@dataclass(frozen=True, slots=True)
class Wired:
    """A worker's parts, connected to each other but not to anything outside yet."""

    pipeline: Pipeline
    ownership: Ownership
    outbox: KafkaOutbox
    deltas: KafkaDeltas
    bodies: KafkaParked
    control: KafkaControl
    plans: KafkaPlans
    name: WorkerName
    verifier: FileVerifier | None
    parking: Parking
    departure: Departure
    intake: IntakeParts
    redis: "redis.Redis"
    lifeline: Lifeline


class AgentRuns(Runs, Foresees, Protocol):
    """Runs agents, and knows what that may cost."""


class LateOutbox:
    """The outbox asks the pipeline for positions and the pipeline has the outbox: one is handed in later."""

    outbox: KafkaOutbox

    async def publish(self, parcel: Parcel) -> int | None:
        """Hand on."""
        return await self.outbox.publish(parcel)


def _checking(name: WorkerName, lifeline: Lifeline) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        try:
            await name.check()
        except NameTaken as taken:
            lifeline.end(taken)
            await asyncio.Event().wait()  # nothing is opened any more

    return check


def _sign(trust: TrustOptions) -> Sign:
    """How requests are signed that agents write."""
    if trust.signing_key_file is not None:
        return Signer(read_private_key(trust.signing_key_file)).headers
    return (lambda *_: None) if trust.requests_signed else unsigned


def wire(
    options: StreamOptions,
    client: "redis.Redis",
    registry: Registry,
    runs: AgentRuns,
    observer: Observer,
    memory: Memory | None = None,
) -> Wired:
    """Put a worker together."""
    kafka, flow = options.kafka, options.flow
    topics = topic_names(kafka.topic_prefix, kafka.app_id)
    clock, ownership, lifeline, departure = SystemClock(), Ownership(), Lifeline(), Departure()
    batch, patience = RedisBatch(client), Patience(observer, departure)
    seal = None if memory is None else memory.seal
    claims = RedisClaims(batch, kafka.app_id, flow.idempotency_days, seal)
    reservations = RedisReservations(batch, kafka.app_id, flow.idempotency_days, kafka.partitions)
    foresight = Foresight(runs)
    store = RedisRuns(
        batch, kafka.app_id, flow.idempotency_days, flow.session_days, seal, flow.session_max_bytes
    )
    conversations = Conversations(None if memory is None else memory.sessions, store, patience)
    deltas = KafkaDeltas(options, topics.deltas, clock, observer, lifeline)
    bodies = KafkaParked(kafka, topics.parked, observer)
    in_force = Plans(observer)
    tenancy = Tenancy(options.limits, in_force)
    caps = CapsInForce(tenancy.terms, runs)
    plans = KafkaPlans(kafka, topics.tenants, in_force, observer, lifeline)
    ledger = KafkaLedger(options, topics, claims, ownership, clock, observer)
    tenants = Tenants(tenancy.terms, foresight, clock.at, caps)
    intake = Intake(registry, kafka.partitions, flow.max_request_bytes, flow.max_input_bytes)
    trust = options.trust
    verifier = FileVerifier(trust.keys_file, clock, observer) if trust.signed and trust.keys_file else None
    late, emissary = LateOutbox(), Emissary(topics, flow.max_record_bytes)
    parking = Parking(emissary, late, bodies, clock, observer)
    ledger.tell(parking.lot)
    letters = Correspondence(
        Letters(topics, parking, late, bodies, clock, _sign(trust), flow.max_request_bytes)
    )
    if kafka.delivery == "plain":
        Reminders(Means(letters, parking, bodies, intake, clock, lifeline))
    waits = Waits(
        parking,
        intake,
        emissary,
        WaitsSurroundings(
            clock, observer, lifeline, flow.park_after_s, tenancy, Allowance.of(flow), letters, caps
        ),
    )
    plans.plans.listen(waits.plan_changed)
    counts = RedisWindows(batch, kafka.app_id)
    recount = Recount(counts, tenants, lambda owned: pipeline.register.within(owned), parking.lot.of)
    rebuild = recount.after(ledger.rebuild)
    pipeline = Pipeline(
        Stages(
            # Only what is read for the first time: what comes back was believed then, maybe long ago.
            intake=replace(intake, verifier=verifier) if trust.requests_signed else intake,
            admission=Admission(
                claims,
                tenants,
                observer,
                rebuild,
                ownership.owner,
                ledger.own_again,
            ),
            execution=Execution(
                runs,
                store,
                registry,
                deltas,
                clock,
                observer,
                departure,
                flow.crashes_tolerated,
                Licensing(tenancy.terms, foresight, reservations, clock.at, caps),
                conversations=conversations,
            ),
            completion=Completion(emissary, letters, store, patience, clock, conversations),
            waits=waits,
            clock=clock,
            observer=observer,
            lifeline=lifeline,
            pace=LoopPace(flow.max_in_flight),
        ),
        flow,
    )
    name = transactional_id(options) if kafka.delivery == "transactional" else None
    late.outbox = KafkaOutbox(
        Surroundings(
            options=options,
            topics=topics,
            ownership=ownership,
            claims=claims,
            clock=clock,
            observer=observer,
            position=pipeline.tracker.position,
            busy=lambda: pipeline.lanes.running > 0,
            lifeline=lifeline,
        ),
        name,
    )
    desk = ControlDesk(
        DeskParts(
            endings=pipeline.endings,
            waits=waits,
            intake=intake,
            emissary=emissary,
            outbox=late,
            bodies=bodies,
            letters=KafkaDeadLetters(kafka, topics.deadletter, bodies.records),
            plans=plans,
            opened=ownership.opened,
            clock=clock,
            lifeline=lifeline,
            trust=Trust(verifier if trust.commands_signed else None, observer),
        ),
        kafka.partitions,
    )
    worker_name = WorkerName(client, kafka.app_id, kafka.worker_id)
    control = KafkaControl(kafka, topics.control, clock, desk, lifeline)
    parts = IntakeParts(
        pipeline,
        parking,
        ownership,
        rebuild,
        observer,
        name or "",
        GroupCoverage(kafka).nobody_owns_anything,
        _checking(worker_name, lifeline),
        (desk.assigned, control.assigned),
    )
    return Wired(
        pipeline,
        ownership,
        late.outbox,
        deltas,
        bodies,
        control,
        plans,
        worker_name,
        verifier,
        parking,
        departure,
        parts,
        client,
        lifeline,
    )
