"""The examples of the simulator's page are steering that the simulator takes."""

import re
from pathlib import Path

import pytest

from app.simulator.grammar import parse
from app.simulator.steering import GRAMMAR, Steering

PAGE = Path(__file__).parents[3] / "docs" / "simulator.md"
EXAMPLES = re.findall(r"^[^`].*?(\[\[sim: .*?\]\])(?:`|$)", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_taken(example: str) -> None:
    steering, rest = parse(example)

    assert steering != Steering()
    assert rest == ""


def test_each_word_of_the_grammar_has_an_example() -> None:
    words = set(re.findall(r"[a-z_]+(?==)|then|hang|malformed", GRAMMAR))

    assert words == {word for word in words if any(word in example for example in EXAMPLES)}
    assert len(words) == 13
