"""Looks at Kafka: who answers, the topics, how long things are kept, transactions, the clock."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import ApiVersionRequest

from app import provision
from app.client.group import member_count
from app.client.reach import reaching
from app.client.topic_problems import problem_lines
from app.doctor import clock
from app.doctor.finding import Finding, fail, ok, warn
from app.doctor.transaction_probe import run_transaction
from app.provision import TopicState
from app.startup import CannotStart
from streams.options import KafkaOptions
from streams.topics import DAY_MS, DEADLETTER, REQUESTS, RESPONSES

# Numbers of APIs that came with a release; 4.0 took old versions of fetching away.
FETCH, FETCH_SINCE_4 = 1, 4
TRANSACTIONS, TOPIC_PARTITIONS, STREAMS_GROUPS = 65, 75, 88
MINUTE_MS = 60_000
LONG_PATIENCE_S = 30.0  # somebody is there, so a slow answer is one
DEFAULT_OFFSETS_RETENTION_MIN = 10_080


@dataclass(frozen=True, slots=True)
class Cluster:
    """What it says of itself."""

    brokers: int
    release: str
    config: Mapping[str, str | None] | None  # None: we may not ask


async def examine(kafka: KafkaOptions, idempotency_days: int) -> list[Finding]:
    """Everything about Kafka; where nobody answers only that."""
    try:
        async with reaching(kafka.bootstrap):
            cluster = await _cluster(kafka.bootstrap)
        async with reaching(kafka.bootstrap, LONG_PATIENCE_S):
            states = await provision.describe(kafka)
            workers = await member_count(kafka.bootstrap, kafka.app_id)
    except CannotStart as error:
        found, _, advice = str(error).partition(": ")
        return [fail("broker", found, advice)]
    except KafkaError as error:
        return [fail("broker", f"answers, but refuses: {error}", "see the broker's log and the ACLs")]
    present = [state for state in states if state.partitions is not None]
    return [
        ok("broker", f"{_count(cluster.brokers, 'broker')} at {kafka.bootstrap}, like {cluster.release}"),
        *topics(states, kafka.partitions),
        *copies(present, cluster.brokers),
        *retention(present, idempotency_days),
        offsets_retention(cluster.config),
        *await _transactions(kafka, present),
        _workers(workers, kafka.app_id),
    ]


async def _cluster(bootstrap: str) -> Cluster:
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    try:
        await client.bootstrap()
        answer = await client.send(client.get_random_node(), ApiVersionRequest())
    finally:
        await client.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        brokers = (await admin.describe_cluster())["brokers"]
        config = await _broker_config(admin, brokers[0]["node_id"])
    finally:
        await admin.close()
    return Cluster(len(brokers), release({key: least for key, least, _ in answer.api_versions}), config)


async def _broker_config(admin: AIOKafkaAdminClient, node: int) -> dict[str, str | None] | None:
    resource = ConfigResource(ConfigResourceType.BROKER, str(node))
    try:
        answers: list[Any] = await admin.describe_configs([resource])
    except (KafkaError, NotImplementedError):  # the latter is aiokafka's, for an API that is not there
        return None
    return {
        entry[0]: entry[1] for answer in answers for found in answer.resources for entry in found[4]
    } or None


def release(least_versions: Mapping[int, int]) -> str:
    """The oldest release that understands as much; the broker does not tell its own."""
    if STREAMS_GROUPS in least_versions:
        return "Kafka 4.1 or newer"
    if least_versions.get(FETCH, 0) >= FETCH_SINCE_4:
        return "Kafka 4.0"
    if TOPIC_PARTITIONS in least_versions:
        return "Kafka 3.8 or 3.9"
    if TRANSACTIONS in least_versions:
        return "Kafka 3.0 to 3.7"
    return "a Kafka older than 3.0"


def topics(states: Sequence[TopicState], partitions: int) -> list[Finding]:
    """All there, with equal partitions and what they must be able to hold."""
    missing = [state.name for state in states if state.partitions is None]
    if len(missing) == len(states):
        return [fail("topics", "none exists", "run `penstock topics create`")]
    found = [
        fail("topics", line, "see `penstock topics check`")
        for line in problem_lines([state for state in states if state.partitions is not None])
    ]
    if missing:
        found.append(
            fail(
                "topics",
                f"{_count(len(missing), 'topic')} missing: {', '.join(missing)}",
                "run `penstock topics create`",
            )
        )
    return found or [ok("topics", f"{len(states)}, each with {partitions} partitions")]


def copies(present: Sequence[TopicState], brokers: int) -> list[Finding]:
    """Whether a lost broker loses records."""
    if not present:
        return []
    fewest = min(state.replication or 1 for state in present)
    careless = [
        state.name
        for state in present
        if (state.replication or 1) >= 3 and state.config.get("min.insync.replicas") == "1"
    ]
    if fewest < 2:
        return [
            warn(
                "copies",
                f"records have one copy, on {_count(brokers, 'broker')}",
                "fine for development; elsewhere run three brokers and create the topics with three copies",
            )
        ]
    if careless:
        return [
            warn(
                "copies",
                f"{careless[0]} takes records that only one broker has (min.insync.replicas=1)",
                "set min.insync.replicas=2, so that a record that was acknowledged survives a broker",
            )
        ]
    return [ok("copies", f"{fewest} of each record")]


def retention(present: Sequence[TopicState], idempotency_days: int) -> list[Finding]:
    """Answered ids are known again from two topics: they must keep them as long as that is promised."""
    remembering = [state for state in present if state.topic in (RESPONSES, DEADLETTER)]
    if not remembering:
        return []
    found = []
    for state in remembering:
        kept_ms = int(state.config.get("retention.ms", -1))
        if 0 <= kept_ms < idempotency_days * DAY_MS:
            found.append(
                fail(
                    "retention",
                    f"{state.name} keeps {kept_ms / DAY_MS:.1f} days, PENSTOCK_IDEMPOTENCY_DAYS is "
                    f"{idempotency_days}: a request might be answered twice",
                    f"set its retention.ms to at least {idempotency_days * DAY_MS}, or lower the setting",
                )
            )
    return found or [ok("retention", f"covers the {idempotency_days} days of PENSTOCK_IDEMPOTENCY_DAYS")]


def offsets_retention(config: Mapping[str, str | None] | None) -> Finding:
    """How long a deployment may be down before Kafka forgets how far it was."""
    check = "offsets retention"
    if config is None:
        return warn(
            check,
            "the broker's configuration may not be read",
            "look that offsets.retention.minutes is at least the retention of the requests",
        )
    minutes = int(config.get("offsets.retention.minutes") or DEFAULT_OFFSETS_RETENTION_MIN)
    wanted = (REQUESTS.retention_ms or 0) // MINUTE_MS
    if minutes < wanted:
        return warn(
            check,
            f"{minutes} minutes: a deployment that is down for longer reads all its requests again",
            f"set offsets.retention.minutes to at least {wanted} (what was answered is not run again)",
        )
    return ok(check, f"{minutes // 1440} days")


async def _transactions(kafka: KafkaOptions, present: Sequence[TopicState]) -> list[Finding]:
    check = "transactions"
    if kafka.delivery == "plain":
        advice = "fine with one worker; for one outcome per request through crashes use transactional"
        return [warn(check, "not used: PENSTOCK_DELIVERY=plain", advice)]
    topic = next((state.name for state in present if state.topic is REQUESTS), None)
    if topic is None:
        return [warn(check, "not tried: there is no topic of requests", "run `penstock topics create`")]
    try:
        async with asyncio.timeout(LONG_PATIENCE_S):
            reading = await run_transaction(kafka.bootstrap, kafka.app_id, topic)
    except (KafkaError, TimeoutError) as error:
        advice = (
            "use Apache Kafka, see its ACLs on transactional ids, or accept less with PENSTOCK_DELIVERY=plain"
        )
        return [fail(check, f"do not work: {error or type(error).__name__}", advice)]
    done = ok(check, "begun and committed")
    return [done] if reading is None else [done, clock.judge("broker clock", reading)]


def _workers(count: int | None, app_id: str) -> Finding:
    if count is None:
        return warn("workers", f"the group {app_id} may not be looked at", "see the ACLs on groups")
    return ok("workers", f"{_count(count, 'member')} in the group {app_id} now")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
