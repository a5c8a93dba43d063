"""Real workers that are killed, at each point, keep each turn of a session once in its database, in order."""

from pathlib import Path
from typing import Any

import pytest

from agents_defs.database import Database
from app.adapters.memory_seal import Seal
from app.adapters.sql_sessions import SqlSessions
from tests.broker.crew import Crew, Sent, request

POINTS = [
    "dies_before_deciding",
    "dies_before_adding",
    "dies_before_publishing",
    "dies_before_its_commit",
    "dies_before_remembering",
    "dies_before_releasing",
]
IDS = [f"r-{number}" for number in range(4)]


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("sessions.db*"))


@pytest.mark.parametrize("point", POINTS)
async def test_each_turn_stands_there_once_wherever_a_worker_is_killed(
    crew: Crew, tmp_path: Path, point: str
) -> None:
    url, keys = f"sqlite:///{tmp_path / 'sessions.db'}", tmp_path / "keys"
    keys.write_text("A" * 43 + "=\n")
    crew.settings |= {"PENSTOCK_SESSIONS_URL": url, "PENSTOCK_MEMORY_KEYS_FILE": str(keys)}
    doomed = crew.start(point)
    await crew.send(*(request(one, session_id="s", agent="diarist", text=f"this is {one}") for one in IDS))
    await doomed.ended(60)

    crew.start()
    answered = await crew.answered(len(IDS))

    store = SqlSessions(Database(url), crew.kafka.app_id, 86_400.0, lambda: 0.0, Seal(keys))
    turns = await store.turns("acme", "s")
    store.close()
    assert {(one["status"], one["memory"]) for one in answered.values()} == {("completed", "kept")}
    assert [(one.request_id, one.items[0]["content"]) for one in turns] == [
        (one, f"this is {one}") for one in IDS
    ]
    assert b"this is r-" not in bytes_of(tmp_path)


async def test_what_a_worker_remembers_of_a_user_is_known_to_the_next_one(crew: Crew, tmp_path: Path) -> None:
    crew.settings |= {"PENSTOCK_SESSIONS_URL": f"sqlite:///{tmp_path / 'sessions.db'}"}
    first = crew.start()
    await crew.send(asks("r-1", 'tool=remember args={"text":"Anne likes trains"}', user_id="anne"))
    await crew.answered(1)
    first.kill()

    crew.start()
    await crew.send(
        asks("r-2", 'tool=recall args={"words":"train"}', user_id="anne"),
        asks("r-3", 'tool=recall args={"words":"train"}', user_id="bob"),
        asks("r-4", 'tool=recall args={"words":"train"}', tenant_id="globex", user_id="anne"),
    )
    answered = await crew.answered(4)

    assert "likes trains" in str(answered["r-2"]["output"])
    assert "likes trains" not in str(answered["r-3"]["output"])
    assert "likes trains" not in str(answered["r-4"]["output"])


def asks(request_id: str, what: str, **more: Any) -> Sent:
    return request(request_id, agent="diarist", text=f"[[sim: {what}]]", **more)
