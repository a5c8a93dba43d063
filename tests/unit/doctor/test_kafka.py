"""What the doctor makes of what Kafka says."""

from typing import Any

import pytest

from app.doctor import kafka
from app.provision import TopicState
from streams.topics import DAY_MS, DEADLETTER, REQUESTS, RESPONSES, Topic


def state(topic: Topic, *problems: str, partitions: int | None = 12, **config: str) -> TopicState:
    settings = {name.replace("_", "."): value for name, value in config.items()}
    return TopicState(topic, f"agent.{topic.name}", partitions, settings, problems, replication=3)


@pytest.mark.parametrize("topic", [RESPONSES, DEADLETTER])
def test_a_topic_that_forgets_earlier_than_ids_are_known_is_a_failure(topic: Topic) -> None:
    short = state(topic, retention_ms=str(2 * DAY_MS))

    (found,) = kafka.retention([short], idempotency_days=7)

    assert (found.verdict, found.check) == ("fail", "retention")
    assert "answered twice" in found.found


@pytest.mark.parametrize("retention_ms", [7 * DAY_MS, -1])
def test_topics_that_outlive_the_ids_are_well(retention_ms: int) -> None:
    kept = state(RESPONSES, retention_ms=str(retention_ms))

    (found,) = kafka.retention([kept], idempotency_days=7)

    assert found.verdict == "ok"


def test_requests_may_be_kept_for_a_shorter_time() -> None:
    short, kept = state(REQUESTS, retention_ms="1000"), state(RESPONSES, retention_ms="-1")

    assert [found.verdict for found in kafka.retention([short, kept], 7)] == ["ok"]


def test_missing_topics_are_told_with_the_command_that_makes_them() -> None:
    missing = state(REQUESTS, "does not exist", partitions=None)

    (found,) = kafka.topics([missing, state(RESPONSES)], partitions=12)

    assert (found.verdict, found.advice) == ("fail", "run `penstock topics create`")
    assert "agent.requests" in found.found


def test_a_problem_that_many_topics_have_is_told_once() -> None:
    states = [state(REQUESTS, "has 3 partitions"), state(RESPONSES, "has 3 partitions", "is compacted")]

    found = kafka.topics(states, partitions=12)

    assert [one.found for one in found] == [
        "agent.requests (and 1 more) has 3 partitions",
        "agent.responses is compacted",
    ]


def test_records_with_one_copy_are_a_warning() -> None:
    single = TopicState(REQUESTS, "agent.requests", 12, {}, (), replication=1)

    assert [found.verdict for found in kafka.copies([single], brokers=3)] == ["warn"]


def test_three_copies_of_which_one_is_enough_are_a_warning() -> None:
    careless = state(REQUESTS, min_insync_replicas="1")
    careful = state(REQUESTS, min_insync_replicas="2")

    assert [found.verdict for found in kafka.copies([careless], brokers=3)] == ["warn"]
    assert [found.verdict for found in kafka.copies([careful], brokers=3)] == ["ok"]


@pytest.mark.parametrize(
    ("config", "verdict"),
    [
        ({"offsets.retention.minutes": "10080"}, "ok"),
        ({"offsets.retention.minutes": "60"}, "warn"),
        ({}, "ok"),
        (None, "warn"),
    ],
)
def test_offsets_that_are_forgotten_before_the_requests_are_a_warning(
    config: dict[str, Any] | None, verdict: str
) -> None:
    assert kafka.offsets_retention(config).verdict == verdict


@pytest.mark.parametrize(
    ("understood", "said"),
    [
        ({1: 4, 65: 0, 75: 0, 88: 0}, "Kafka 4.1 or newer"),
        ({1: 4, 65: 0, 75: 0}, "Kafka 4.0"),
        ({1: 0, 65: 0, 75: 0}, "Kafka 3.8 or 3.9"),
        ({1: 0, 65: 0}, "Kafka 3.0 to 3.7"),
        ({1: 0}, "a Kafka older than 3.0"),
    ],
)
def test_the_release_is_told_by_what_the_broker_understands(understood: dict[int, int], said: str) -> None:
    assert kafka.release(understood) == said
