"""The graph says what the topics, tables and apps say."""

from unittest.mock import MagicMock

import pytest

from streams.options import StreamOptions
from streams.tables import TABLES
from streams.topics import RESPONSES, TOPICS, Topic
from streams.topology import build_intake
from streams.topology_description import OUTSIDE, ROLES, as_mermaid, as_text, describe

GRAPH = describe("agent.", "penstock")
NAMES = {topic.full_name("agent.", "penstock") for topic in TOPICS}


def test_every_topic_and_table_is_in_it() -> None:
    assert {topic.name for topic in GRAPH.topics} == NAMES
    assert {table.name for table in GRAPH.tables} == {table.name for table in TABLES}


def test_intake_is_described_as_the_app_is_built() -> None:
    app = build_intake(StreamOptions(), MagicMock())

    (agent,) = app.agents.values()
    (intake,) = [one for one in GRAPH.processors if one.name == "intake"]

    assert tuple(agent.channel.topics) == intake.reads
    assert (agent.name, app.conf.id) == (intake.name, intake.group)


def test_who_is_named_is_known_and_who_is_known_is_named() -> None:
    named = {party for topic in GRAPH.topics for party in (*topic.written_by, *topic.read_by)}

    assert named == {processor.name for processor in GRAPH.processors} | set(GRAPH.outside)
    assert set(ROLES).isdisjoint(OUTSIDE)


def test_a_party_that_nobody_described_is_an_error() -> None:
    strange = Topic("strange", "delta", "what", "users", "a stranger")

    with pytest.raises(ValueError, match="a stranger"):
        describe("agent.", "penstock", topics=[*TOPICS, strange])


def test_the_changelog_belongs_to_its_table_and_not_to_the_group() -> None:
    (books,) = [one for one in GRAPH.processors if one.name == "books"]

    assert books.tables == ("windows",)
    assert GRAPH.tables[0].changelog not in (*books.reads, *books.writes)
    assert books.group == "penstock-books"


def test_text_and_drawing_name_every_topic_and_party() -> None:
    for rendered in (as_text(GRAPH), as_mermaid(GRAPH)):
        for name in NAMES | {processor.name for processor in GRAPH.processors}:
            assert name in rendered


def test_the_drawing_has_an_arrow_for_each_writer_and_reader() -> None:
    arrows = as_mermaid(GRAPH).count("-->")

    assert arrows == sum(len(topic.written_by) + len(topic.read_by) for topic in GRAPH.topics)
    assert RESPONSES.full_name("agent.", "penstock") in GRAPH.as_document()["topics"][1]["name"]
