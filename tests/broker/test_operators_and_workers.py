"""The operators' commands act through a real worker."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from schemas.partitions import partition_for
from tests.broker.crew import Crew, Sent, request
from tests.broker.stand_in_worker import Ended, StandIn

REFUND = '[[sim: tool=refund args={"order":7}]]'
SOON_S = 30.0


@pytest.fixture
async def cli(crew: Crew) -> StandIn:
    """The command line of the crew's deployment, and one worker that is ready."""
    crew.start()
    await crew.ready()
    return StandIn(crew.kafka)


def lines(text: str) -> list[dict[str, Any]]:
    """Of JSON."""
    return [orjson.loads(line) for line in text.splitlines()]


async def listed(run: Callable[[], Awaitable[Ended]], count: int) -> list[dict[str, Any]]:
    """Ask again until there are as many."""
    async with asyncio.timeout(SOON_S):
        while len(found := lines((await run()).out)) < count:
            await asyncio.sleep(0.2)
    return found


async def test_tool_calls_are_approved_and_rejected(cli: StandIn, crew: Crew) -> None:
    await crew.send(request("r-1", text=REFUND), request("r-2", text=REFUND))
    calls = await listed(lambda: cli.run("approvals", "list", "--json"), 2)
    first, second = sorted(calls, key=lambda call: str(call["request_id"]))

    parked = await cli.run("parked", "list")
    shown = await cli.run("approvals", "show", first["approval_id"][:12])
    approved = await cli.run("approvals", "approve", first["approval_id"][:12], "--yes")
    again = await cli.run("approvals", "approve", first["approval_id"], "--yes")
    rejected = await cli.run("approvals", "reject", second["approval_id"], "-y", "--reason", "too much")
    answered = await crew.answered(2)
    left = await cli.run("approvals", "list")

    assert (first["tool"], first["arguments"], first["agent"]) == ("refund", {"order": 7}, "Clerk")
    assert parked.out.splitlines()[-1] == "2 waiting: 2 approval"
    assert '"order": 7' in shown.out
    assert (approved.code, approved.out) == (0, f"{first['approval_id']} approved: the run goes on\n")
    assert again.code in (1, 2)
    assert rejected.code == 0
    assert "refunded 7" in answered["r-1"]["output"]
    assert "too much" in answered["r-2"]["output"]
    assert left.err == "no tool call waits for anybody\n"


async def test_what_waits_and_what_runs_is_cancelled(cli: StandIn, crew: Crew) -> None:
    await crew.send(request("waits", text=REFUND), request("runs", text="[[sim: hang]]"))
    await listed(lambda: cli.run("parked", "list", "--json"), 1)

    waits = await cli.run("cancel", "waits", "-t", "acme", "--reason", "enough")
    runs = await cli.run("cancel", "runs", "-t", "acme", "--json")
    over = await cli.run("cancel", "waits", "-t", "acme")
    later = await cli.run("cancel", "later", "-t", "acme")
    await crew.send(request("later"))
    answered = await crew.answered(3)

    assert (waits.code, waits.out) == (0, "waits cancelled\n")
    assert (runs.code, orjson.loads(runs.out)["status"]) == (0, "cancelled")
    assert (over.code, over.out) == (0, "waits had ended before: cancelled\n")
    assert (later.code, "kept: no such request is under way" in later.out) == (0, True)
    assert {one["status"] for one in answered.values()} == {"cancelled"}
    assert "enough" in answered["waits"]["error"]["message"]


async def test_dead_letters_are_replayed(cli: StandIn, crew: Crew) -> None:
    place = partition_for(b"acme", crew.kafka.partitions)
    elsewhere = request("lost").value
    await crew.send(
        request("r-1", text="[[sim: tool=breaks_the_run]]"),
        Sent(b"no json", b"acme"),
        Sent(elsewhere, b"acme", (place + 1) % crew.kafka.partitions),
    )
    await crew.dead_letters(3)

    found = lines((await cli.run("dlq", "list", "--json")).out)
    replayed = await cli.run("dlq", "replay", "--since", "1h", "--yes", "--json")
    responses = await crew.responses(3)
    await crew.dead_letters(5)
    again = lines((await cli.run("dlq", "list", "--json")).out)
    nothing = await cli.run("dlq", "replay", "--code", "wrong_partition", "--yes")

    assert {letter["code"] for letter in found} == {"tool_failed", "undecodable", "wrong_partition"}
    assert replayed.code == 0
    assert sorted(one["outcome"] for one in lines(replayed.out)) == ["done", "sent", "sent"]
    told = {(one["request_id"], one["generation"], one["status"]) for one in responses}
    assert told == {("r-1", 0, "failed"), ("r-1", 1, "failed"), ("lost", 0, "completed")}
    assert sum(letter["replayed"] for letter in again) == 3
    assert sorted((letter["code"], letter["generation"]) for letter in again) == [
        ("tool_failed", 0),
        ("tool_failed", 1),
        ("undecodable", 0),
        ("undecodable", 0),
        ("wrong_partition", 0),
    ]
    assert (nothing.code, "no dead letter to replay" in nothing.err) == (0, True)
