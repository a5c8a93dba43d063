"""The token estimate: deterministic, additive enough, and kept within a cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator.tokens import cached, cut, estimate

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("€€", 2), (b"abcde", 2)]
)
def test_four_bytes_are_a_token(text: str | bytes, tokens: int) -> None:
    assert estimate(text) == tokens


@given(TEXTS, TEXTS)
def test_more_text_is_never_fewer_tokens(text: str, more: str) -> None:
    assert estimate(text) <= estimate(text + more) <= estimate(text) + estimate(more)


@given(TEXTS, st.integers(-3, 50))
def test_a_cut_text_is_a_beginning_within_the_budget(text: str, tokens: int) -> None:
    short = cut(text, tokens)

    assert text.startswith(short)
    assert estimate(short) <= max(0, tokens)
    assert short == text or estimate(short) >= max(0, tokens) - 1


@pytest.mark.parametrize(("prefix", "tokens"), [(0, 0), (1023, 0), (1024, 1024), (1151, 1024), (1152, 1152)])
def test_a_prompt_is_cached_from_1024_tokens_in_steps(prefix: int, tokens: int) -> None:
    assert cached(prefix) == tokens
