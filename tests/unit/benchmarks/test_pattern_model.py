"""The bench of patterns compares like with like: both run the same steps to the same end."""

from typing import Any

import pytest

from agents_defs.model_access import FixedAccess
from agents_defs.registry import Registry, default_registry
from agents_defs.runner import AgentRunner
from app.demo.patterns import EXAMPLES
from benchmarks.contestants import bare_patterns
from benchmarks.pattern_model import PATTERNS, PatternModel
from tests.doubles.recorded_runs import Recorder, order_for

REGISTRY = default_registry(patterns=True)


class Counting(PatternModel):
    """Knows how often it was asked."""

    calls = 0

    async def get_response(self, *given: Any, **named: Any) -> Any:
        self.calls += 1
        return await super().get_response(*given, **named)


@pytest.mark.parametrize("name", PATTERNS)
async def test_both_ask_the_model_as_often(name: str) -> None:
    spec, ours, bare = REGISTRY.resolve(name), Counting(), Counting()
    runner = AgentRunner(Registry(), FixedAccess(ours))

    result = await runner.run(order_for(spec, EXAMPLES[name].asks), Recorder())
    await bare_patterns._once(bare_patterns._made(spec.build, bare), EXAMPLES[name].asks)

    assert result.turns <= ours.calls == bare.calls
    assert ours.calls > 1


def test_ten_patterns_and_more_are_measured() -> None:
    assert len(PATTERNS) >= 10
    assert set(PATTERNS) <= set(EXAMPLES)
