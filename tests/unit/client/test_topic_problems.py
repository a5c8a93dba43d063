"""Problems that many topics share are told once."""

from app.client.topic_problems import problem_lines
from app.provision import TopicState
from streams.topics import REQUESTS


def state(name: str, *problems: str) -> TopicState:
    return TopicState(REQUESTS, name, 4, {}, problems)


def test_each_problem_has_one_line() -> None:
    states = [state("a", "is small", "is odd"), state("b"), state("c", "is small"), state("d", "is small")]

    assert problem_lines(states) == ["a (and 2 more) is small", "a is odd"]
