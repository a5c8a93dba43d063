"""Attempts of one call are counted together, those of others apart."""

import pytest

from app.simulator import attempts
from app.simulator.attempts import Attempts


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("run-7/2/0/1", "run-7/2/0/2"),
        ("run-7/m0.0", "run-7/m0.1"),
        ("run:0:try1", "run:0:try2"),
        ("a-1", "a-23"),
        (None, None),
    ],
)
def test_the_tries_of_a_call_are_counted_together(first: str | None, second: str | None) -> None:
    seen = Attempts()

    assert [seen.count(first, "sha"), seen.count(second, "sha"), seen.count(second, "sha")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("run-7/2/0/1", "sha"), ("run-7/3/0/1", "sha")),
        (("a-1", "sha 1"), ("a-2", "sha 2")),
        ((None, "sha"), ("a", "sha")),
    ],
)
def test_other_calls_are_counted_apart(first: tuple[str | None, str], second: tuple[str | None, str]) -> None:
    seen = Attempts()

    assert [seen.count(*first), seen.count(*second)] == [0, 0]


def test_the_oldest_calls_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "REMEMBERED", 2)
    seen = Attempts()

    counts = [seen.count(call_id, "sha") for call_id in ("a", "b", "a", "c", "a", "b")]

    assert counts == [0, 0, 1, 0, 2, 0]
