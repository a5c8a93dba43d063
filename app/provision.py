"""Creates the topics from streams/topics.py, and checks those that exist."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from streams.options import KafkaOptions
from streams.topics import CONTROL, REQUESTS, TOPICS, Topic

MOST_REPLICAS = 3
STAMPED = {"message.timestamp.type": "LogAppendTime"}
SIGNED = (REQUESTS, CONTROL)  # topics whose records others may have to sign


@dataclass(frozen=True, slots=True)
class TopicState:
    """One topic as it is on the broker, and what is wrong with it."""

    topic: Topic
    name: str
    partitions: int | None  # None: it does not exist
    config: dict[str, str]
    problems: tuple[str, ...]
    replication: int | None = None


async def connect(bootstrap: str) -> AIOKafkaAdminClient:
    """An admin client; the caller closes it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
    except BaseException:
        await admin.close()
        raise
    return admin


async def create(kafka: KafkaOptions, replication: int | None = None, *, stamped: bool = False) -> list[str]:
    """Create what is missing, on as many brokers as there are, at most three; returns what was created.

    `stamped`: the broker writes the timestamps of what others sign.
    """
    admin = await connect(kafka.bootstrap)
    try:
        if replication is None:
            replication = min(MOST_REPLICAS, len((await admin.describe_cluster())["brokers"]))
        existing = set(await admin.list_topics())
        missing = [
            NewTopic(
                topic.full_name(kafka.topic_prefix, kafka.app_id),
                kafka.partitions,
                replication,
                topic_configs=topic.config() | (STAMPED if stamped and topic in SIGNED else {}),
            )
            for topic in TOPICS
            if topic.full_name(kafka.topic_prefix, kafka.app_id) not in existing
        ]
        if missing:
            response = await admin.create_topics(missing)
            _raise_for(response)
        return [topic.name for topic in missing]
    finally:
        await admin.close()


def _raise_for(response: Any) -> None:
    for topic, code, *rest in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"{topic}: {rest[0] if rest and rest[0] else error.__name__}")


async def describe(kafka: KafkaOptions) -> list[TopicState]:
    """The state of every topic."""
    admin = await connect(kafka.bootstrap)
    try:
        names = {topic.full_name(kafka.topic_prefix, kafka.app_id): topic for topic in TOPICS}
        existing = set(await admin.list_topics()) & set(names)
        described = {
            found["topic"]: found["partitions"] for found in await admin.describe_topics(sorted(existing))
        }
        configs = await _configs(admin, sorted(existing))
    finally:
        await admin.close()
    partitions = {name: len(found) for name, found in described.items()}
    replication = {
        name: min(len(one["replicas"]) for one in found) for name, found in described.items() if found
    }
    return [
        TopicState(
            topic,
            name,
            partitions.get(name),
            configs.get(name, {}),
            tuple(_problems(topic, partitions.get(name), configs.get(name, {}), kafka.partitions)),
            replication.get(name),
        )
        for name, topic in names.items()
    ]


def unstamped(states: Iterable[TopicState]) -> list[str]:
    """Topics of signed records whose timestamps are not the broker's, as far as their settings are known."""
    (name,) = STAMPED
    return [
        state.name
        for state in states
        if state.topic in SIGNED and state.config and state.config.get(name) != STAMPED[name]
    ]


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(resources):
        for _, _, _, name, entries in response.resources:
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs


def _problems(topic: Topic, partitions: int | None, config: dict[str, str], wanted: int) -> list[str]:
    if partitions is None:
        return ["does not exist: run `penstock topics create`"]
    problems = []
    if partitions != wanted:
        problems.append(
            f"has {partitions} partitions, PENSTOCK_PARTITIONS is {wanted}, and all tenant-keyed topics must "
            f"have the same number, fixed for their life: set PENSTOCK_PARTITIONS={partitions}, or start "
            "a new deployment (another PENSTOCK_TOPIC_PREFIX and PENSTOCK_APP_ID), move the producers "
            "there and let this one run empty"
        )
    if config and config.get("cleanup.policy") != topic.config()["cleanup.policy"]:
        problems.append(
            f"cleanup.policy is {config.get('cleanup.policy')!r}, "
            f"it must be {topic.config()['cleanup.policy']!r}"
        )
    size = int(config.get("max.message.bytes", topic.max_message_bytes))
    if size < topic.max_message_bytes:
        problems.append(
            f"max.message.bytes is {size}, it must be at least {topic.max_message_bytes}: "
            "a larger outcome could not be published"
        )
    return problems
