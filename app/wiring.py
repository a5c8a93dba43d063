"""The composition root: settings and adapters -> a pipeline with everything it needs."""

from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from agents_defs.registry import Registry
from app.adapters.clock import SystemClock
from app.adapters.kafka_deltas import KafkaDeltas
from app.adapters.kafka_ledger import KafkaLedger
from app.adapters.kafka_outbox import KafkaOutbox, Surroundings, transactional_id
from app.adapters.redis_claims import RedisClaims
from app.adapters.redis_conversations import RedisConversations
from streams.admission import Admission
from streams.emission import Emissary
from streams.execution import Execution
from streams.intake import Intake
from streams.lifeline import Lifeline
from streams.observations import Observer
from streams.options import StreamOptions
from streams.ownership import Ownership
from streams.pipeline import Pipeline, Stages
from streams.ports import Runs
from streams.topics import topic_names
from streams.topology import IntakeParts

REDIS_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Wired:
    """A worker's parts, connected to each other but not to anything outside yet."""

    pipeline: Pipeline
    ownership: Ownership
    outbox: KafkaOutbox
    deltas: KafkaDeltas
    intake: IntakeParts
    redis: "redis.Redis"
    lifeline: Lifeline


class LateOutbox:
    """The outbox asks the pipeline for positions and the pipeline has the outbox: one is handed in later."""

    outbox: KafkaOutbox

    async def publish(self, parcel: Any) -> None:
        """Hand on."""
        await self.outbox.publish(parcel)


def connect_redis(url: str) -> "redis.Redis":
    """A client that fails soon: waiting is admission's decision, not the client's."""
    client: redis.Redis = redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        max_connections=64,
        retry=Retry(NoBackoff(), 1),
    )
    return client


def wire(
    options: StreamOptions, client: "redis.Redis", registry: Registry, runs: Runs, observer: Observer
) -> Wired:
    """Put a worker together."""
    kafka, flow = options.kafka, options.flow
    topics = topic_names(kafka.topic_prefix, kafka.app_id)
    clock, ownership, lifeline = SystemClock(), Ownership(), Lifeline()
    claims = RedisClaims(client, kafka.app_id, flow.idempotency_days)
    conversations = RedisConversations(client, kafka.app_id, flow.session_days)
    deltas = KafkaDeltas(options, topics.deltas, clock, observer, lifeline)
    ledger = KafkaLedger(options, topics, claims, ownership, clock, observer)
    late = LateOutbox()
    pipeline = Pipeline(
        Stages(
            intake=Intake(registry, kafka.partitions, flow.max_request_bytes, flow.max_input_bytes),
            admission=Admission(claims, options.limits, observer, ledger.rebuild),
            execution=Execution(runs, conversations, deltas, clock, observer),
            emissary=Emissary(topics, flow.max_record_bytes),
            outbox=late,
            conversations=conversations,
            clock=clock,
            observer=observer,
            lifeline=lifeline,
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
    intake = IntakeParts(pipeline, ownership, ledger.rebuild, observer, name or "")
    return Wired(pipeline, ownership, late.outbox, deltas, intake, client, lifeline)
