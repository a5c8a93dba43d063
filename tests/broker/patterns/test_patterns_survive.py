"""A worker is killed in the middle of every pattern; another one ends them all, and nothing is paid twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from app.demo.patterns import EXAMPLES
from app.simulator.ledger import read as read_ledger
from app.simulator.options import SimulatorOptions
from app.simulator.server import RunningSimulator, start
from tests.broker.crew import COMMAND, Crew, Sent, WorkerProcess, request, until
from tests.broker.test_durable_runs import approval, command, usage_of

STEERED = {
    "single-agent": '[[sim: tool=lookup_order args={"order":7}]]',
    "handoffs": '[[sim: tool=transfer_to_billing args={"reason":"refund","order":12,"urgency":"normal"} '
    'then tool=refund_status args={"order":12}]]',
    "agents-as-tools": '[[sim: tool=ask_orders args={"input":"Where is order 9?"}]]',
    "language-router": '[[sim: tool=lookup_order args={"order":7}]]',
    "approval": '[[sim: tool=pay_back args={"order":7,"cents":4500}]]',
    "memory": '[[sim: tool=remember args={"text":"Short.","category":"preference","tags":["style"]}]]',
}
"""The simulator calls a tool only where it is told to; the other patterns need none."""
JURORS = 3
"""All calls of the pattern `voting` are sent at once: there is no second one to be cut off in."""
WAITING = {"voting", "approval"}
"""Those that send nothing while the others send their second call: one has ended, one waits for a person."""
CALLS_S = 0.5
CALLS = {
    "single-agent": 2,
    "handoffs": 3,
    "hierarchy": 3,
    "agents-as-tools": 3,
    "pipeline": 6,
    "round-robin": 7,
    "debate": 5,
    "voting": JURORS,
    "critic-loop": 5,
    "language-router": 3,
    "planner-executor": 5,
    "approval": 2,
    "memory": 2,
}
"""Model calls of each, whatever happens to its worker. No judge is content here: loops run to their end."""


@pytest.fixture
async def models(tmp_path: Path) -> AsyncIterator[RunningSimulator]:
    """A provider that takes its time, so that there is a middle."""
    options = SimulatorOptions(ledger=tmp_path / "ledger.jsonl", latency_ms=CALLS_S * 1000)
    running = await start(options)
    yield running
    await running.stop()


def asked() -> list[Sent]:
    return [
        request(
            name,
            text=f"{example.asks} {STEERED.get(name, '')}",
            agent=name,
            stream=True,
            user_id="ada",
            metadata=dict(example.metadata),
        )
        for name, example in EXAMPLES.items()
    ]


def worker(crew: Crew) -> WorkerProcess:
    """The real command, which registers the patterns by its setting."""
    return crew.start(command=COMMAND, worker_id="w", patterns="true")


def place_in(call_id: str) -> str:
    """Of which run, and where in it: `acme/debate/0/a1:against/m0`; without attempt and try."""
    return unquote(call_id).rpartition(".")[0]


def places(models: RunningSimulator) -> Counter[str]:
    """How often the provider was paid for each."""
    assert models.ledger_path is not None
    return Counter(place_in(entry["call_id"]) for entry in read_ledger(models.ledger_path) if entry["billed"])


async def in_wave(models: RunningSimulator, number: int) -> None:
    """Wait until all runs are in their first, or in their second call."""
    first, going_on = len(EXAMPLES) - 1 + JURORS, len(EXAMPLES) - len(WAITING)
    calls, at_once = (first, first) if number == 1 else (first + going_on, going_on)
    await until(lambda: models.calls >= calls and models.in_flight >= at_once, 60)


async def ended(crew: Crew) -> dict[str, dict[str, Any]]:
    """All responses, once what waits for a person is approved."""
    waits = await approval(crew)
    told = {name: waits[name] for name in ("approval_id", "arguments_digest")}
    await command(crew, command="approve", actor="ada", **told)
    return await crew.answered(len(EXAMPLES), within_s=60)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("wave", [1, 2])
async def test_patterns_whose_worker_is_killed_end_on_another(
    crew: Crew, models: RunningSimulator, wave: int
) -> None:
    first = worker(crew)
    await crew.ready(first)
    await crew.send(*asked())
    await in_wave(models, wave)
    first.kill()
    recorded = places(models)

    worker(crew)
    answered = await ended(crew)

    assert {name: one["status"] for name, one in answered.items()} == dict.fromkeys(EXAMPLES, "completed")
    cut_off = set(EXAMPLES) - ({"voting"} if wave > 1 else set())
    assert {name for name, one in answered.items() if one["attempts"] > 1} >= cut_off
    await crew.caught_up()
    usage = [(one["state"], place_in(one["call_id"])) for one in await usage_of(crew)]
    settled = Counter(place for state, place in usage if state == "settled")
    unknown = {place for state, place in usage if state == "unknown"}
    assert set(settled.values()) == {1}
    assert Counter(place.split("/")[1] for place in settled) == CALLS
    assert {place for place, count in places(models).items() if count > 1} <= unknown
    if wave > 1:
        begun = {place.split("/")[1] for place in recorded if place not in unknown}
        assert begun == set(EXAMPLES)  # each had an answer that it did not ask for again


async def test_the_simulator_is_asked_for_every_pattern(crew: Crew, models: RunningSimulator) -> None:
    running = worker(crew)
    await crew.ready(running)
    await crew.send(*asked())

    answered = await ended(crew)

    assert {one["status"] for one in answered.values()} == {"completed"}
    assert {one["attempts"] for name, one in answered.items() if name != "approval"} == {1}
    calls = Counter(place.split("/")[1] for place in places(models).elements())
    assert calls == CALLS
    assert {name: one["usage"]["model_calls"] for name, one in answered.items()} == CALLS
