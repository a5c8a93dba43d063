"""An agent asks others through the stream; its worker is killed meanwhile, and nothing is done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.simulator.ledger import read as read_ledger
from app.simulator.options import SimulatorOptions
from app.simulator.server import RunningSimulator, start
from tests.broker.crew import COMMAND, Crew, WorkerProcess, request, until
from tests.broker.test_durable_runs import usage_of

BOTH = (
    '[[sim: tool=ask_support args={"question":"Where is order 7?"} '
    'tool=ask_research args={"question":"What is backpressure?"}]]'
)


@pytest.fixture
async def models(tmp_path: Path) -> AsyncIterator[RunningSimulator]:
    """A provider that takes its time, so that there is a middle."""
    running = await start(SimulatorOptions(ledger=tmp_path / "ledger.jsonl", latency_ms=500))
    yield running
    await running.stop()


def worker(crew: Crew) -> WorkerProcess:
    return crew.start(command=COMMAND, worker_id="w", patterns="true", max_in_flight="1")


@pytest.mark.parametrize("calls", [1, 2, 4], ids=["it asks", "they answer", "it goes on"])
async def test_a_killed_worker_asks_nobody_twice(crew: Crew, models: RunningSimulator, calls: int) -> None:
    first = worker(crew)
    await crew.ready(first)
    await crew.send(
        request("r-1", text=f"Where is order 7, and what is backpressure? {BOTH}", agent="ask-agent")
    )
    await until(lambda: models.calls >= calls, 60)
    first.kill()

    worker(crew)
    answered = await crew.answered(3, within_s=60)

    assert {one["status"] for one in answered.values()} == {"completed"}
    asked = [name for name in answered if name != "r-1"]
    assert sorted(answered[name]["agent"] for name in asked) == ["research", "support"]
    assert all(name.startswith("r-1~") for name in asked)
    assert all(str(answered[name]["output"]) in str(answered["r-1"]["output"]) for name in asked)
    await crew.caught_up()
    settled = [one["call_id"] for one in await usage_of(crew) if one["state"] == "settled"]
    assert len(settled) == len(set(settled)) == 4
    assert models.ledger_path is not None
    paid = [
        entry["call_id"].rpartition(".")[0] for entry in read_ledger(models.ledger_path) if entry["billed"]
    ]
    assert len(paid) <= 5  # the one that was in flight may have been asked again


async def test_in_plain_delivery_who_takes_over_asks_again_and_each_answers_once(
    crew: Crew, models: RunningSimulator
) -> None:
    plain: dict[str, Any] = {"patterns": "true", "max_in_flight": "1", "delivery": "plain"}
    first = crew.start(command=COMMAND, worker_id="w", **plain)
    await crew.ready(first)
    await crew.send(request("r-1", text=f"Both, please. {BOTH}", agent="ask-agent"))
    await until(lambda: models.calls >= 2, 60)
    first.kill()

    crew.start(command=COMMAND, worker_id="w", **plain)
    answered = await crew.answered(3, within_s=60)
    await crew.caught_up()

    assert {one["status"] for one in answered.values()} == {"completed"}
    written = Counter(record.value for record in await crew.read("requests"))
    assert sorted(written.values()) == [1, 2, 2]
