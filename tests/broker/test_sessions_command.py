"""`penstock sessions` sees what agents remember, and deletes it for good through a real worker."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from agents_defs.database import Database
from agents_defs.memory.facts import Fact, Owner
from app.adapters.memory_seal import Seal
from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_client import connect_redis
from app.adapters.redis_facts import RedisFacts
from app.adapters.sql_sessions import SqlSessions
from streams.ports import RunKey, SessionTurn
from streams.topics import AUDIT
from tests.broker.crew import Crew, request
from tests.broker.stand_in_worker import StandIn
from tests.broker.topic_reader import read_all
from tests.contract.run_steps import said

REFUND = '[[sim: tool=refund args={"order":7}]]'
ANNE = Owner("acme", "anne")
DAY_S = 86_400.0


def lines(text: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in text.splitlines()]


def database(crew: Crew, path: Path) -> SqlSessions:
    now = datetime.now(UTC).timestamp()
    return SqlSessions(Database(f"sqlite:///{path}"), crew.kafka.app_id, DAY_S, lambda: now, Seal())


async def remember(crew: Crew) -> None:
    client = connect_redis(crew.redis_url)
    facts = RedisFacts(RedisBatch(client), crew.kafka.app_id, Seal())
    for owner in (ANNE, Owner("acme", "bob")):
        at = datetime(2026, 11, 21, tzinfo=UTC)
        await facts.keep(owner, Fact("f1", f"{owner.user_id} likes trains", "travel", (), at), 9)
    await client.aclose()


async def test_a_session_is_deleted_with_what_waits_and_runs_of_it(crew: Crew, tmp_path: Path) -> None:
    crew.start()
    await crew.ready()
    sql = database(crew, tmp_path / "s.db")
    url = f"sqlite:///{tmp_path / 's.db'}"
    cli = StandIn(crew.kafka, env={"PENSTOCK_REDIS_URL": crew.redis_url, "PENSTOCK_SESSIONS_URL": url})
    run = RunKey("acme", "r-0", 1, "t")
    await sql.add(run, SessionTurn("s", said("old")), (await sql.read(run, "s", None)).mark)
    await remember(crew)
    await crew.send(request("r-1", session_id="s"), request("other", session_id="t"))
    await crew.answered(2)
    await crew.send(request("runs", session_id="s", text="[[sim: hang]]"))
    await crew.send(request("waits", session_id="t", text=REFUND))
    async with asyncio.timeout(30):
        while len((await cli.run("parked", "list", "--json")).out.splitlines()) < 1:
            await asyncio.sleep(0.2)

    listed = lines((await cli.run("sessions", "list", "-t", "acme", "--json")).out)
    shown = await cli.run("sessions", "show", "s", "-t", "acme")
    out = tmp_path / "export.json"
    exported = await cli.run("sessions", "export", "s", "-t", "acme", "--user", "anne", "--out", str(out))
    strange = await cli.run("sessions", "show", "s", "-t", "globex")
    asked = await cli.run("sessions", "delete", "s", "-t", "acme")
    deleted = await cli.run("sessions", "delete", "s", "-t", "acme", "--user", "anne", "--yes", "--json")
    assert deleted.code == 0, deleted.err
    await crew.send(request("next", session_id="s"))
    answered = await crew.answered(4)
    after = lines((await cli.run("sessions", "list", "--json")).out)

    assert {(one["session_id"], one["store"], one["turns"]) for one in listed} == {
        ("s", "redis", 1),
        ("s", "sql", 1),
        ("t", "redis", 1),
    }
    assert "-- r-1" in shown.out
    assert "user: hello" in shown.out
    document = orjson.loads(out.read_bytes())
    assert [one["request_id"] for one in document["turns"]] == ["r-1", "r-0"]
    assert [one["text"] for one in document["facts"]] == ["anne likes trains"]
    assert (exported.code, strange.code, asked.code) == (0, 2, 2)
    report = orjson.loads(deleted.out)
    assert (report["turns"], report["facts"], report["cancelled"]) == (2, 1, ["runs"])
    assert answered["runs"]["status"] == "cancelled"
    assert answered["next"]["status"] == "completed"
    assert {(one["session_id"], one["store"]) for one in after} == {("s", "redis"), ("t", "redis")}
    audits = [orjson.loads(one.value) for one in await read_all(crew.kafka.bootstrap, cli.name(AUDIT))]
    assert {("session_deleted", "s"), ("facts_deleted", "anne")} <= {
        (one["action"], one["subject"]) for one in audits if "subject" in one
    }
    assert lines((await cli.run("parked", "list", "--json")).out)[0]["request_id"] == "waits"
