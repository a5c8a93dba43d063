"""The guardrails hold their figures on cases that they were not written with."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents_defs.guardrails.cases import BadCases, Case, read_cases
from agents_defs.guardrails.evaluation import evaluate, figures

HELD_OUT = Path(__file__).parents[2] / "guardrails" / "held_out"
# Measured, and a little below: recall, precision. A figure that falls is a rule that got worse.
LEAST = {
    "control_characters": (0.94, 0.98),
    "format": (0.98, 0.98),
    "injection": (0.89, 0.95),
    "language": (0.94, 0.95),
    "path": (0.92, 0.98),
    "secrets": (0.88, 0.98),
    "shell": (0.93, 0.98),
    "sql": (0.91, 0.98),
    "topic": (0.79, 0.82),
    "ungrounded_numbers": (0.95, 0.84),
    "unsafe": (0.74, 0.77),
}


@pytest.mark.parametrize("guardrail", LEAST)
def test_recall_and_precision_are_held(guardrail: str) -> None:
    recall, precision = LEAST[guardrail]

    (found,) = evaluate(read_cases(HELD_OUT / f"{guardrail}.jsonl"))

    errors, total = found.errors, found.total  # a failure must not show the cases
    assert errors == []
    assert (total.recall or 0) >= recall
    assert (total.precision or 0) >= precision


def test_a_case_on_which_a_detector_fails_is_an_error_and_no_pass() -> None:
    def fails(_text: str, _context: object) -> list[object]:
        raise RuntimeError("broken")

    cases = [Case("x-1", "x", "f", True, "a"), Case("x-2", "x", "f", False, "b")]

    (found,) = evaluate(cases, detectors={"x": fails})  # type: ignore[dict-item]  # it never returns

    assert found.errors == ["x-1: RuntimeError: broken", "x-2: RuntimeError: broken"]
    assert figures([found]) == {"x_recall": None, "x_precision": None, "cases": 0, "errors": 2}


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"id": "a"}', '{"id":"a","guardrail":"b","family":"c","label":"d","text":"e"}']
)
def test_a_line_that_is_no_case_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "own.jsonl").write_text(f"\n{line}\n")

    with pytest.raises(BadCases, match=r"own\.jsonl:2"):
        list(read_cases(tmp_path))
