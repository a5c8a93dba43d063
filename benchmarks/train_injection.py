"""Learns the weights of the injection guardrail from its training texts, and judges them on other kinds.

`--judge` leaves a fifth of the kinds out at a time and tells recall and precision; else it writes weights.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from array import array
from collections import Counter
from collections.abc import Sequence
from statistics import mean
from typing import Final, NamedTuple

from agents_defs.guardrails.folding import folded
from agents_defs.guardrails.injection import TRIPS, leaning, lexicon_of_injection
from agents_defs.guardrails.learnt import SCALE, WEIGHTS, WINDOWS, Learnt, tokens_of
from benchmarks.injection_corpus import Text, corpus

EPOCHS: Final = 6
RATE: Final = 0.12
LEFT_OUT: Final = 0.35
"""Features of a window that are not looked at in a turn, so that none is relied on alone."""
DECAY: Final = 2e-4
FEWEST_LINES: Final = 2
"""Lines of the sources that a feature must come from."""
FOLDS: Final = 5
LEAST: Final = 4.5 / SCALE
"""Weights smaller than that are left away."""


class Example(NamedTuple):
    """A text as the features of its windows."""

    text: Text
    windows: list[array[int]]


class Features:
    """Numbers of features."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.lines: list[set[int]] = []

    def number(self, feature: str, line: int) -> int:
        found = self.numbers.setdefault(feature, len(self.numbers))
        if found == len(self.lines):
            self.lines.append(set())
        if len(self.lines[found]) < FEWEST_LINES:
            self.lines[found].add(line)
        return found


def examples(texts: Sequence[Text], learnt: Learnt, features: Features) -> list[Example]:
    """The texts as numbers."""
    found = []
    for text in texts:
        tokens = tokens_of(folded(text.text))
        rows = [[features.number(one, text.line) for one in of_token] for of_token in learnt.features(tokens)]
        windows = [
            array("i", (one for row in rows[first : first + size] for one in row))
            for size in WINDOWS
            for first in range(0, max(1, len(rows) - size // 2), size // 2)
        ]
        found.append(Example(text, [one for one in windows if one] or [array("i")]))
    rare = {number for number, lines in enumerate(features.lines) if len(lines) < FEWEST_LINES}
    return [
        Example(one.text, [array("i", (n for n in window if n not in rare)) for window in one.windows])
        for one in found
    ]


def train(chosen: Sequence[Example], size: int) -> tuple[list[float], float]:
    """Logistic regression on the heaviest window of each text."""
    chance = random.Random(1)
    weights, squares = [0.0] * size, [1e-3] * size
    start, start_square = 0.0, 1e-3
    order = list(chosen)
    share = sum(one.text.label == "attack" for one in order) / len(order)
    for _ in range(EPOCHS):
        chance.shuffle(order)
        for example in order:
            wanted = float(example.text.label == "attack")
            window = max(example.windows, key=lambda one: sum([weights[n] for n in one]))
            seen = [n for n in window if chance.random() > LEFT_OUT]
            logit = start + sum([weights[n] for n in seen]) / (1 - LEFT_OUT)
            step = 1 / (1 + math.exp(-max(-30.0, min(30.0, logit)))) - wanted
            step *= (1 - share if wanted else share) * 2
            if abs(step) < 0.002:
                continue
            for n in seen:
                slope = step + DECAY * weights[n]
                squares[n] += slope * slope
                weights[n] -= RATE * slope / math.sqrt(squares[n])
            start_square += step * step
            start -= RATE * step / math.sqrt(start_square)
    return weights, start


def logit_of(example: Example, weights: list[float], start: float) -> float:
    """Of the heaviest window."""
    return start + max(sum([weights[n] for n in one]) for one in example.windows)


def folds_of(chosen: Sequence[Example]) -> list[set[tuple[str, str]]]:
    """Kinds that are left out together; a language with both of its labels."""
    kinds = sorted({(one.text.label if len(one.text.kind) > 2 else "", one.text.kind) for one in chosen})
    random.Random(3).shuffle(kinds)
    return [set(kinds[number::FOLDS]) for number in range(FOLDS)]


def judged(chosen: Sequence[Example], features: Features) -> list[tuple[Example, float]]:
    """The logit of each text with its signs, learnt without its kind."""
    found, size = [], len(features.numbers)
    for fold in folds_of(chosen):
        inside = [
            one for one in chosen if (one.text.label if len(one.text.kind) > 2 else "", one.text.kind) in fold
        ]
        known = {id(one) for one in inside}
        weights, start = train([one for one in chosen if id(one) not in known], size)
        learnt = Learnt({**kept(features, weights), "": start}, lexicon_of_injection())
        found += [(one, leaning(one.text.text, learnt)[0]) for one in inside]
    return found


def figures(scored: Sequence[tuple[Example, float]], threshold: float) -> dict[str, float]:
    """Recall and precision, as if there were as many attacks as harmless texts, and as many of each kind."""
    right = by_kind(scored, threshold)
    caught = mean(share for name, share in right.items() if name.startswith("attack "))
    stopped = mean(1 - share for name, share in right.items() if not name.startswith("attack "))
    precision = caught / (caught + stopped) if caught else 0.0
    return {
        "threshold": round(threshold, 1),
        "recall": round(caught, 3),
        "stopped": round(stopped, 3),
        "precision": round(precision, 3),
    }


def by_kind(scored: Sequence[tuple[Example, float]], threshold: float) -> dict[str, float]:
    """The share of each kind that is judged rightly."""
    right, all_of = Counter[str](), Counter[str]()
    for one, logit in scored:
        name = f"{one.text.label} {one.text.kind}"
        all_of[name] += 1
        right[name] += (logit >= threshold) == (one.text.label == "attack")
    return {name: right[name] / count for name, count in sorted(all_of.items())}


def kept(features: Features, weights: list[float]) -> dict[str, float]:
    """The weights that matter."""
    return {one: weights[n] for one, n in features.numbers.items() if abs(weights[n]) >= LEAST}


def write(features: Features, weights: list[float], start: float) -> int:
    """The weights that matter, those of the same size on one line."""
    rows: dict[int, list[str]] = {round(start * SCALE): [""]}
    for feature, weight in kept(features, weights).items():
        rows.setdefault(round(weight * SCALE), []).append(feature)
    text = "".join("\t".join([str(weight), *sorted(rows[weight])]) + "\n" for weight in sorted(rows))
    WEIGHTS.write_text(text, encoding="utf-8")
    return len(text.encode())


def main() -> None:
    """Learns, and tells how well."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--judge", action="store_true")
    judge = asked.parse_args().judge
    features = Features()
    chosen = examples(corpus(), Learnt({}, lexicon_of_injection()), features)
    if judge:
        scored = judged(chosen, features)
        print(json.dumps({kind: round(share, 2) for kind, share in by_kind(scored, TRIPS).items()}))
        for threshold in (TRIPS + step / 5 for step in range(-6, 7)):
            print(json.dumps(figures(scored, threshold)))
        return
    weights, start = train(chosen, len(features.numbers))
    scored = [(one, logit_of(one, weights, start)) for one in chosen]
    print(json.dumps({**figures(scored, 0.0), "bytes": write(features, weights, start)}))


if __name__ == "__main__":
    main()
