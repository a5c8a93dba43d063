"""Topics come into being by being made, and keep their names legal."""

import pytest

from app.brokers.node.refusals import Code, Refused
from app.brokers.node.topics import Topics
from tests.unit.brokers.node.records import batch


def refused_with(code: Code) -> "pytest.RaisesExc[Refused]":
    return pytest.RaisesExc(Refused, check=lambda refused: refused.code is code)


def test_a_topic_has_the_partitions_and_settings_it_was_made_with() -> None:
    topics = Topics()

    topics.create("agent.plans", 12, {"cleanup.policy": "compact"})

    made = topics.topic("agent.plans")
    assert len(made.partitions) == 12
    assert made.configuration()["cleanup.policy"] == "compact"
    assert made.configuration()["retention.ms"] == "604800000"


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "ä", "x" * 250])
def test_names_that_kafka_refuses_are_refused(name: str) -> None:
    with refused_with(Code.INVALID_TOPIC):
        Topics().create(name, 1, {})


def test_a_topic_is_made_once() -> None:
    topics = Topics()
    topics.create("t", 1, {})

    with refused_with(Code.TOPIC_ALREADY_EXISTS):
        topics.create("t", 1, {})


def test_checking_makes_nothing() -> None:
    topics = Topics()

    topics.create("t", 1, {}, only_check=True)

    assert topics.names() == []


@pytest.mark.parametrize(("name", "number"), [("other", 0), ("t", 2), ("t", -1)])
def test_what_does_not_exist_is_not_made_by_asking(name: str, number: int) -> None:
    topics = Topics()
    topics.create("t", 2, {})

    with refused_with(Code.UNKNOWN_TOPIC_OR_PARTITION):
        topics.partition(name, number)


def test_partitions_only_grow() -> None:
    topics = Topics()
    topics.create("t", 2, {})

    topics.topic("t").grow(3)

    assert len(topics.topic("t").partitions) == 3
    with refused_with(Code.INVALID_PARTITIONS):
        topics.topic("t").grow(3)


def test_a_new_size_limit_holds_at_once() -> None:
    topics = Topics()
    topics.create("t", 1, {})
    topics.topic("t").configure({"max.message.bytes": "50"})

    with refused_with(Code.MESSAGE_TOO_LARGE):
        topics.partition("t", 0).append(batch([b"x" * 100]))


def test_a_size_limit_that_is_no_number_is_refused() -> None:
    with refused_with(Code.INVALID_CONFIG):
        Topics().create("t", 1, {"max.message.bytes": "large"})
