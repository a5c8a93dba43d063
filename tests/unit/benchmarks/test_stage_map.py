"""Every file that the stages name exists, and none of them is unreachable."""

from pathlib import Path

import pytest

from benchmarks.stage_map import STAGES

ROOT = Path(__file__).parents[3]
OURS = [part for part, _ in STAGES if "/site-packages/" not in part]


def stage_of(path: str) -> str | None:
    return next((stage for part, stage in STAGES if part in path), None)


@pytest.mark.parametrize("part", OURS)
def test_a_stage_names_code_that_exists(part: str) -> None:
    found = list(ROOT.glob(f"{part.strip('/')}*"))

    assert found


def test_no_stage_is_hidden_behind_an_earlier_one() -> None:
    hidden = [
        part
        for number, (part, stage) in enumerate(STAGES)
        if any(earlier in part and other != stage for earlier, other in STAGES[:number])
    ]

    assert hidden == []


def test_the_journal_is_told_apart_from_what_else_stands_around_a_run() -> None:
    assert stage_of("/x/agents_defs/run_journal.py") != stage_of("/x/agents_defs/runner.py")
