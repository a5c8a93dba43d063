"""Learns the weights of `unsafe` from labelled cases: `python -m agents_defs.guardrails.unsafe_training`."""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from agents_defs.guardrails.cases import Case, read_cases
from agents_defs.guardrails.unsafe_content import INTERCEPT, WEIGHTS, features, words_of

ROUNDS = 25
STEP = 0.3
SHRINK = 0.0005
LEAST_CASES = 2  # cases that a feature is in
SMALLEST = 0.01  # weights nearer to nothing are not kept
COST_OF_ALARM = 1.3  # a harmless text that is stopped counts so much more than a danger that is missed

Example = tuple[list[str], bool]


def learnt(cases: Iterable[Case]) -> dict[str, float]:
    """Weights of a logistic regression. The same cases in the same order give the same weights."""
    read = [(features(words_of(case.text)), case.attack) for case in cases]
    often = Counter(name for found, _ in read for name in found)
    examples = [
        (sorted(name for name in found if often[name] >= LEAST_CASES), attack) for found, attack in read
    ]
    weights: dict[str, float] = {INTERCEPT: 0.0}
    squares: dict[str, float] = {}
    shuffled = random.Random(1)  # noqa: S311  an order, no secret
    for _ in range(ROUNDS):
        shuffled.shuffle(examples)
        for example in examples:
            _learn(example, weights, squares)
    return weights


def _learn(example: Example, weights: dict[str, float], squares: dict[str, float]) -> None:
    found, attack = example
    length = 1 / math.sqrt(len(found) + 1)
    logit = weights[INTERCEPT] + length * sum(weights.get(name, 0.0) for name in found)
    error = 1 / (1 + math.exp(-logit)) - attack
    if not attack:
        error *= COST_OF_ALARM
    weights[INTERCEPT] -= STEP / 10 * error
    for name in found:
        weight = weights.get(name, 0.0)
        slope = error * length + SHRINK * weight
        squares[name] = squares.get(name, 0.01) + slope * slope
        weights[name] = weight - STEP * slope / math.sqrt(squares[name])


def lines_of(weights: dict[str, float]) -> str:
    """The weights as they are kept."""
    kept = (f"{name}\t{weight:.3f}\n" for name, weight in sorted(weights.items()) if abs(weight) >= SMALLEST)
    return "".join(kept)


def main(files: Sequence[str]) -> None:
    """Reads the cases and writes the weights."""
    weights = learnt(case for file in files for case in read_cases(Path(file)))
    WEIGHTS.write_text(lines_of(weights), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:] or [f"tests/guardrails/{folder}/unsafe.jsonl" for folder in ("dev", "training")])
