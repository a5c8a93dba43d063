"""A session that was put in short stays so, once, in each store and wherever a worker dies."""

from typing import Any

import pytest
from agents import Agent
from agents.testing import assistant_message

from agents_defs.agent_spec import AgentSpec
from agents_defs.memory.memory_spec import MemorySpec, SessionPlace
from agents_defs.model_access import FixedAccess
from agents_defs.registry import Registry
from agents_defs.runner import AgentRunner
from agents_defs.session_fit import IN_SHORT
from tests.doubles.flume import Flume, World
from tests.doubles.history_model import HistoryModel
from tests.doubles.memory_outbox import NAMES
from tests.doubles.recorded_runs import one_try
from tests.doubles.requests import body

SHORT = {"role": "user", "content": IN_SHORT + "in short"}


class Models:
    """What they were told."""

    def __init__(self) -> None:
        self.told: list[list[str]] = []
        self.read: list[str] = []  # what was to be put in short

    @property
    def summaries(self) -> int:
        return len(self.read)

    def __call__(self, instructions: str | None, asked: list[Any]) -> list[Any]:
        if "Put it in short" in (instructions or ""):
            self.read.append(str(asked[0]["content"]))
            return [assistant_message("in short")]
        self.told.append([str(item["content"]) for item in asked if item.get("role", "user") == "user"])
        return [assistant_message("answer")]


def flume_on(world: World, models: Models, store: SessionPlace) -> Flume:
    memory = MemorySpec(store=store, token_budget=120, compaction="summary")
    specs = [AgentSpec("support", 3, lambda: Agent(name="a", instructions="Answer."), memory=memory)]
    access = FixedAccess(HistoryModel(models))
    return Flume(world, AgentRunner(Registry(specs), access, recovery=one_try()), specs)


def asked(number: int) -> dict[str, Any]:
    return body(f"r-{number}", session_id="s", input=f"question {number} " + "x" * 100)


@pytest.mark.parametrize("store", ["redis", "sql"])
async def test_it_is_put_in_short_once_and_goes_on_from_there(store: SessionPlace) -> None:
    world, models = World(), Models()
    async with flume_on(world, models, store) as flume:
        for number in range(5):
            flume.write(asked(number))
            await flume.settle()

    assert world.statuses() == dict.fromkeys([f"r-{number}" for number in range(5)], "completed")
    short = [told for told in models.told if told[0] == SHORT["content"]]
    assert models.summaries > 1
    assert ["question 0" in one for one in models.read] == [True, *[False] * (models.summaries - 1)]
    assert short, "no run was told the summary"
    assert not any("question 0" in text for text in short[-1])
    usage = [one["purpose"] for one in world.log.read(NAMES.usage)]
    assert usage.count("compaction") == models.summaries


@pytest.mark.parametrize("store", ["redis", "sql"])
async def test_a_worker_that_dies_after_it_was_put_in_short_pays_for_it_once(store: SessionPlace) -> None:
    world, models = World(), Models()
    async with flume_on(world, models, store) as flume:
        flume.write(asked(0))
        await flume.settle()
        flume.write(asked(1))
        await flume.settle()
        before = models.summaries
        flume.outbox.hold()
        flume.write(asked(2))
        await flume.until(lambda: len(models.told) == 3)
        await flume.rest()
        await flume.die()
    paid = models.summaries - before

    async with flume_on(world, models, store) as other:
        await other.settle()
        other.write(asked(3))
        await other.settle()

    assert paid == 1
    assert world.statuses()["r-2"] == "completed"
    purposes = [one["purpose"] for one in world.log.read(NAMES.usage) if one["request_id"] == "r-2"]
    assert purposes.count("compaction") == 1
    assert models.told[-1][0] == SHORT["content"]
