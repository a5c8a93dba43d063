"""Long texts are looked through piece by piece, and nothing is missed where one ends."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from agents_defs.guardrails.pieces import BEHIND, PIECE, each, first, replaced
from agents_defs.guardrails.pii import pii
from agents_defs.guardrails.secrets import secrets

TOKEN = "ghp_" + "aB3dE6gH9j" * 4
PATTERNS = (
    r"\d+",
    r"(?<!a)b[ab]{0,9}",
    r"\bab+\b",
    r"^a|b$",
    r"a{3,}",
    r"\d[^\d\n]{0,90}\d",
    r"c.{0,200}?(?:\n|$)",
    r"(?:^|\n)\s*\w",
)


def long_text(seed: int) -> str:
    """Signs in no order, with long runs of one sign among them."""
    dice = random.Random(seed)
    return "".join(dice.choice("ab c1\n") * dice.choice((1, 1, 1, 2, 7, 300)) for _ in range(1_500))


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("seed", range(3))
def test_the_same_is_found_as_in_one_go(pattern: str, seed: int) -> None:
    compiled, text = re.compile(pattern), long_text(seed)

    spans = [found.span() for found in each(compiled, text)]

    assert len(text) > 3 * (PIECE + BEHIND)
    assert spans == [found.span() for found in compiled.finditer(text)]
    assert replaced(compiled, "-", text) == compiled.sub("-", text)
    assert getattr(first(compiled, text), "span", tuple)() == (spans[0] if spans else ())


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_same_is_found_in_a_part_of_a_text(pattern: str) -> None:
    compiled, text = re.compile(pattern), long_text(7)
    begin, stop = 5, len(text) - 1_000

    spans = [found.span() for found in each(compiled, text, begin, stop)]

    assert spans == [found.span() for found in compiled.finditer(text, begin, stop)]


@pytest.mark.parametrize("pattern", ["a+", "a+$", "a+c?(?!b)"])
def test_what_goes_on_behind_a_piece_is_followed_to_its_end(pattern: str) -> None:
    compiled, text = re.compile(pattern), "b" * (PIECE - 5) + "a" * 3 * BEHIND + "b" * 2 * PIECE

    spans = [found.span() for found in each(compiled, text)]

    assert spans == [found.span() for found in compiled.finditer(text)]


class Watched:
    """A pattern that tells how much of a text it is shown at once."""

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)
        self.most = 0

    def finditer(self, text: str, at: int, end: int) -> Any:
        self.most = max(self.most, end - at)
        return self.pattern.finditer(text, at, end)


def test_no_call_looks_at_more_than_a_piece() -> None:
    watched: Any = Watched("x")

    found = first(watched, "a" * 300_000)

    assert found is None
    assert 0 < watched.most <= PIECE + BEHIND


@pytest.mark.parametrize("before", [PIECE - 20, PIECE, PIECE + BEHIND - 20, PIECE + BEHIND, 2 * PIECE - 5])
def test_what_lies_across_two_pieces_is_found_once(before: int) -> None:
    filling = "Fine. " * 50_000

    credentials = secrets(f"{filling[:before]} {TOKEN} {filling}")
    numbers = pii(f"{'1 ' * (before // 2)}a card: 4539 1488 0343 6467, {filling}", ("CREDIT_CARD",))

    assert [(one.kind, one.start, one.end - one.start) for one in credentials] == [
        ("github_token", before + 1, len(TOKEN))
    ]
    assert [one.kind for one in numbers] == ["CREDIT_CARD"]


@pytest.mark.parametrize("before", range(PIECE - 4_000, PIECE + 3_000, 500))
def test_a_credential_that_is_longer_than_what_is_looked_ahead_is_found_wherever_it_stands(
    before: int,
) -> None:
    part = "".join(chr(97 + number * 7 % 26) for number in range(BEHIND))
    ticket = f"eyJ{part}.eyJ{part}.{part}"
    text = f"{'word ' * (before // 5)}{ticket} {'word ' * 3_000}"

    assert [(one.kind, text[one.start : one.end]) for one in secrets(text)] == [("json_web_token", ticket)]


def test_a_private_key_is_found_whatever_space_stands_in_it() -> None:
    text = (
        f"{'word ' * 1_600}-----BEGIN PRIVATE KEY-----{chr(10) * 2 * BEHIND}MIIEvQIBADANBg {'word ' * 3_000}"
    )

    assert [one.kind for one in secrets(text)] == ["private_key"]
