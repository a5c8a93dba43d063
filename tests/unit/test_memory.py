"""What a worker opens to remember with, what it needs for that, and what /readyz says of it."""

from pathlib import Path
from typing import Any, cast

import pytest

from agents_defs.agent_spec import AgentSpec
from agents_defs.memory.memory_spec import MemorySpec
from agents_defs.registry import Registry
from app.adapters.health import answer
from app.adapters.memory_seal import Seal, Unreadable
from app.adapters.redis_client import connect_redis
from app.memory import Memory, open_memory
from app.settings import Settings
from app.startup import CannotStart
from app.wiring import wire
from streams.observations import Observers
from streams.ports import RunKey, SessionTurn
from tests.doubles.flume import NEVER_BUILT
from tests.doubles.held_runs import HeldRuns

KEY = "A" * 43 + "=\n"
NOBODY = "redis://127.0.0.1:1/0"


def settings(**given: Any) -> Settings:
    return Settings(**given)


def opened(registry: Registry, **given: Any) -> Memory:
    return open_memory(settings(**given), cast(Any, Client()), registry)


class Client:
    """A client of Redis that is not asked for anything."""

    connection_pool: Any = None


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("app.memory.RedisBatch", lambda client: client)


def remembering(store: Any) -> Registry:
    return Registry([AgentSpec("keeper", 2, NEVER_BUILT, memory=MemorySpec(store=store))])


async def found(memory: Memory) -> dict[str, tuple[bool, str]]:
    asked = {name: await answer(ask, 5.0) for name, ask in memory.checks().items()}
    return {name: (check.ok, check.detail) for name, check in asked.items()}


def test_an_agent_whose_sessions_need_a_database_is_named_where_there_is_none() -> None:
    with pytest.raises(CannotStart, match=r"keeper@2 .* set PENSTOCK_SESSIONS_URL"):
        opened(remembering("sql"))


def test_other_agents_need_none() -> None:
    assert opened(remembering("redis")).sessions is None


def test_keys_that_cannot_be_used_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="PENSTOCK_MEMORY_KEYS_FILE"):
        opened(Registry(), memory_keys_file=tmp_path / "none")


async def test_readiness_names_the_key_that_is_missing(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(KEY)
    stored = Seal(keys).seal(b"x", "s")
    memory = opened(Registry())
    assert (await found(memory))["memory_keys"][0]

    with pytest.raises(Unreadable):
        memory.seal.open(stored, "s")

    ok, detail = (await found(memory))["memory_keys"]
    assert not ok
    assert "PENSTOCK_MEMORY_KEYS_FILE lacks keys" in detail


async def test_readiness_says_whether_the_database_answers(tmp_path: Path) -> None:
    there = opened(remembering("sql"), sessions_url=f"sqlite:///{tmp_path / 's.db'}")
    away = opened(remembering("sql"), sessions_url=f"sqlite:///{tmp_path / 'none' / 's.db'}")

    assert (await found(there))["sessions"] == (True, "the database answers")
    assert (await found(away))["sessions"] == (False, "the database does not answer")
    there.close()
    away.close()


async def test_sessions_in_a_database_are_as_large_as_the_setting_says(tmp_path: Path) -> None:
    memory = opened(
        remembering("sql"), sessions_url=f"sqlite:///{tmp_path / 's.db'}", session_max_bytes=2_000
    )
    store = memory.sessions
    assert store is not None

    for number in range(3):
        run = RunKey("acme", f"r-{number}", 1, "t")
        mark = (await store.read(run, "s", None)).mark
        await store.add(run, SessionTurn("s", [{"content": "x" * 1_500}]), mark)

    assert [one.request_id for one in await store.turns("acme", "s")] == ["r-2"]
    memory.close()


def test_sessions_in_redis_are_as_large_as_the_setting_says() -> None:
    options = settings(session_max_bytes=2_000).stream()

    wired = wire(options, connect_redis(NOBODY), Registry(), cast(Any, HeldRuns()), Observers())

    assert cast(Any, wired.pipeline)._stages.execution.store._session_bytes == 2_000
