"""The weights of `unsafe` are those that its cases teach."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from agents_defs.guardrails.cases import Case, read_cases
from agents_defs.guardrails.unsafe_content import INTERCEPT, LEAST, WEIGHTS, features, unsafe, words_of
from agents_defs.guardrails.unsafe_training import learnt, lines_of

CASES = Path(__file__).parents[2] / "guardrails"
LINES = WEIGHTS.read_text(encoding="utf-8").splitlines()


def test_the_weights_in_the_repository_are_those_of_the_cases() -> None:
    cases = [case for folder in ("dev", "training") for case in read_cases(CASES / folder / "unsafe.jsonl")]

    found = lines_of(learnt(cases))

    assert WEIGHTS.read_text(encoding="utf-8") == found, (
        "run `python -m agents_defs.guardrails.unsafe_training`"
    )


def test_words_of_dangers_weigh_more_than_those_of_harmless_texts() -> None:
    cases = [
        Case(f"{number}", "unsafe", "f", attack, text)
        for number, (text, attack) in enumerate([("burn it", True), ("bake it", False)] * 3)
    ]

    weights = learnt(cases)

    assert weights["burn"] > 0 > weights["bake"]


def test_what_stands_for_left_out_details_is_no_sign() -> None:
    assert features(words_of("mix [omitted] now")) == features(words_of("mix now"))


def test_a_danger_in_a_long_answer_is_found() -> None:
    danger = "Nobody would miss you, you are a burden to everyone. Kill yourself tonight."
    before = "The parcel was sent on Monday and arrives tomorrow at your office. " * 40

    (found,) = unsafe(before + danger)

    assert found.score >= 0.5
    assert all(LEAST <= one.score < 0.5 for one in unsafe(before))


def test_an_answer_is_weighed_by_the_features_that_were_learnt() -> None:
    weights = {name: float(weight) for name, _, weight in (line.rpartition("\t") for line in LINES)}
    text = "Nobody would miss you. Kill yourself tonight, and hide the knife."

    known = [weights[name] for name in features(words_of(text)) if name in weights]

    logit = weights[INTERCEPT] + sum(known) / math.sqrt(len(known) + 1)
    assert unsafe(text)[0].score == pytest.approx(1 / (1 + math.exp(-logit)), abs=0.001)
