"""A worker is killed in the middle of every pattern; another one ends them all, and nothing is paid twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from urllib.parse import unquote

import pytest

from app.demo.patterns import EXAMPLES
from app.simulator.exchange import Exchange
from app.simulator.ledger import read as read_ledger
from app.simulator.server import RunningSimulator
from tests.broker.crew import COMMAND, Crew, Sent, WorkerProcess, request, until
from tests.broker.test_durable_runs import approval, command, usage_of
from tests.chaos.verifying import verify

PLAYED = {name: one for name, one in EXAMPLES.items() if name != "ask-agent"}  # which has tests of its own
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


class Gate:
    """Before the provider: lets so many calls of each run through, and holds the next until it is opened."""

    def __init__(self, first: int) -> None:
        self._free = Counter({name: first * (JURORS if name == "voting" else 1) for name in PLAYED})
        self._open = asyncio.Event()
        self.held: set[str] = set()

    async def passed(self, call_id: str) -> None:
        run = place_in(call_id).split("/")[1]
        self._free[run] -= 1
        if self._free[run] < 0 and not self._open.is_set():
            self.held.add(run)
            await self._open.wait()

    def open(self) -> None:
        self._open.set()


def in_place(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Gate:
    serve = Exchange.serve

    async def gated(exchange: Exchange) -> Any:
        await gate.passed(exchange._request.headers["X-Client-Request-Id"])
        return await serve(exchange)

    monkeypatch.setattr(Exchange, "serve", gated)
    return gate


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
        for name, example in PLAYED.items()
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


async def ended(crew: Crew) -> dict[str, dict[str, Any]]:
    """All responses, once what waits for a person is approved."""
    waits = await approval(crew)
    told = {name: waits[name] for name in ("approval_id", "arguments_digest")}
    await command(crew, command="approve", actor="ada", **told)
    return await crew.answered(len(PLAYED), within_s=60)


async def breaches(crew: Crew, models: RunningSimulator) -> dict[str, Any]:
    """What `penstock verify` finds broken; it must have judged what matters here."""
    assert models.ledger_path is not None
    report = await verify(crew.kafka, models.ledger_path, crew.folder / "record")
    judged = {one["promise"]: one for one in report["promises"]}
    assert all(
        judged[name]["checked"]
        for name in (("one_outcome", "nothing_lost", "never_pay_twice", "books_balance", "deltas"))
    )
    return {name: one for name, one in judged.items() if one["breached"]}


@pytest.mark.timeout(150)
@pytest.mark.parametrize("answered_before", [0, 1])
async def test_patterns_whose_worker_is_killed_end_on_another(
    crew: Crew, models: RunningSimulator, monkeypatch: pytest.MonkeyPatch, answered_before: int
) -> None:
    gate = in_place(Gate(answered_before), monkeypatch)
    # After the first answers one has ended, and one waits for a person; before them all are held.
    going_on = set(PLAYED) - ({"voting", "approval"} if answered_before else set())
    first = worker(crew)
    await crew.ready(first)
    await crew.send(*asked())
    await until(lambda: gate.held >= going_on, 60)
    if answered_before:
        await crew.responses(1)
        await approval(crew)
    first.kill()
    recorded = places(models)
    gate.open()

    worker(crew)
    answered = await ended(crew)

    assert {name: one["status"] for name, one in answered.items()} == dict.fromkeys(PLAYED, "completed")
    assert {name for name, one in answered.items() if one["attempts"] > 1} >= going_on
    await crew.caught_up()
    usage = [(one["state"], place_in(one["call_id"])) for one in await usage_of(crew)]
    settled = Counter(place for state, place in usage if state == "settled")
    unknown = {place for state, place in usage if state == "unknown"}
    assert set(settled.values()) == {1}
    assert Counter(place.split("/")[1] for place in settled) == CALLS
    assert {place for place, count in places(models).items() if count > 1} <= unknown
    assert await breaches(crew, models) == {}
    assert {place.split("/")[1] for place in recorded} == (set(PLAYED) if answered_before else set())
    assert not unknown & set(recorded)  # what was answered before was not asked again


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
