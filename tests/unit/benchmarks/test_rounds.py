"""Contestants take turns."""

import pytest

from benchmarks.figures import Sample
from benchmarks.report import Report
from benchmarks.rounds import Entrant, play
from benchmarks.worker_process import BenchFailed


class Field:
    """Contestants whose measurements are scripted: a cost, or None for a failure."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def entrant(self, name: str, *costs: float | None) -> Entrant:
        left = list(costs)

        async def prepare() -> None:
            self.order.append(f"{name} prepared")

        async def measure() -> Sample:
            self.order.append(name)
            cost = left.pop(0)
            if cost is None:
                raise BenchFailed("it ended")
            return Sample(100, cost, cost, 10)

        return Entrant(name, prepare, measure)


async def test_each_round_measures_everybody_before_the_next_one_starts() -> None:
    field = Field()

    await play("title", [field.entrant("a", 1, 1), field.entrant("b", 1, 1)], 2, Report())

    assert field.order == ["a prepared", "b prepared", "a", "b", "a", "b"]


async def test_who_fails_is_out_and_said_to_be_while_the_others_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    field = Field()

    outcome = await play("title", [field.entrant("a", 1, None), field.entrant("b", 1, 1, 1)], 3, Report())

    assert field.order.count("a") == 2
    assert len(outcome.samples["b"]) == 3
    assert outcome.ratio("b", "a") is None
    assert "FAILED title: a: it ended" in capsys.readouterr().out


async def test_a_contestant_that_cannot_be_made_ready_is_a_failure_too() -> None:
    field = Field()
    broken = field.entrant("a", 1)

    async def prepare() -> None:
        raise BenchFailed("no environment")

    outcome = await play("title", [Entrant("a", prepare, broken.measure), field.entrant("b", 1)], 1, Report())

    assert outcome.failures == {"a": "no environment"}
    assert outcome.ratio("b", "b") == 1
