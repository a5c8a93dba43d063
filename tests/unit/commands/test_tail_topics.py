"""Which topic a name means, and how its lines are coloured."""

import pytest

from app.commands.tail import coloured, find_topic
from streams.options import KafkaOptions
from streams.topics import BOOKS_WINDOWS, RESPONSES, Topic

KAFKA = KafkaOptions(topic_prefix="my.", app_id="mine")


@pytest.mark.parametrize(
    ("name", "known", "full"),
    [
        ("responses", RESPONSES, "my.responses"),
        ("my.responses", RESPONSES, "my.responses"),
        ("books-windows-changelog", BOOKS_WINDOWS, "mine-books-windows-changelog"),
        ("mine-books-windows-changelog", BOOKS_WINDOWS, "mine-books-windows-changelog"),
        ("agent.responses", None, "agent.responses"),
        ("__consumer_offsets", None, "__consumer_offsets"),
    ],
)
def test_a_topic_is_known_by_its_short_and_its_full_name(name: str, known: Topic | None, full: str) -> None:
    assert find_topic(name, KAFKA) == (known, full)


def test_how_a_request_ended_has_a_colour() -> None:
    line = coloured("07:00 0@1  acme  r-1  failed  support")

    assert "\x1b[31mfailed\x1b[0m" in line
    assert line.endswith("  support")
