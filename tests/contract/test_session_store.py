"""What every store of sessions beside the journals does: each turn once, read as it was read first."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from agents_defs.database import Database
from app.adapters.memory_seal import Seal
from app.adapters.sql_sessions import SqlSessions
from streams.ports import RunKey, SessionStore, SessionTurn, StoreUnavailable
from tests.contract.run_steps import said
from tests.doubles.memory_sessions import MemorySessions

DAY_S = 86_400.0


class Store(SessionStore, Protocol):
    """With what operators do."""

    async def delete(self, tenant_id: str, session_id: str) -> int: ...


class Time:
    """Seconds since 1970."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def sqlite(path: Path, time: Callable[[], float] | None = None, seal: Seal | None = None) -> SqlSessions:
    return SqlSessions(Database(f"sqlite:///{path}"), "penstock", DAY_S, time or Time(), seal or Seal())


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemorySessions()
        return
    yield sqlite(tmp_path / "sessions.db")


def run(request_id: str = "r-1", tenant_id: str = "acme", generation: int = 0) -> RunKey:
    return RunKey(tenant_id, request_id, 1, "t", generation)


async def told(store: SessionStore, key: RunKey, text: str, session_id: str = "s", **more: Any) -> None:
    """A request that comes and is decided."""
    mark = (await store.read(key, session_id, None)).mark
    await store.add(key, SessionTurn(session_id, said(text), **more), mark)


async def read(store: SessionStore, session_id: str = "s", tenant_id: str = "acme") -> list[Any]:
    return list((await store.read(run("reader", tenant_id), session_id, None)).items)


async def test_a_new_session_is_empty_and_not_lost(store: Store) -> None:
    found = await store.read(run(), "s", None)

    assert (list(found.items), found.lost) == ([], False)


async def test_turns_are_read_in_the_order_in_which_they_were_added(store: Store) -> None:
    for number in range(3):
        await told(store, run(f"r-{number}"), f"a{number}")

    assert await read(store) == [item for number in range(3) for item in said(f"a{number}")]


async def test_a_turn_that_is_added_again_is_there_once(store: Store) -> None:
    mark = (await store.read(run(), "s", None)).mark
    for _ in range(3):
        await store.add(run(), SessionTurn("s", said("one")), mark)

    assert await read(store) == said("one")


async def test_a_worker_that_wakes_up_late_changes_nothing(store: Store) -> None:
    mark = (await store.read(run(), "s", None)).mark
    await store.add(run(), SessionTurn("s", said("one")), mark)
    await told(store, run("r-2"), "two")

    await store.add(replace(run(), attempt=9, token="other"), SessionTurn("s", said("late")), mark)

    assert await read(store) == [*said("one"), *said("two")]


async def test_a_replay_is_another_turn(store: Store) -> None:
    await told(store, run(), "failed")
    await told(store, run(generation=1), "again")

    assert await read(store) == [*said("failed"), *said("again")]


async def test_a_run_does_not_read_what_it_has_added_itself(store: Store) -> None:
    await told(store, run("r-0"), "zero")
    await told(store, run(), "one")

    assert list((await store.read(run(), "s", None)).items) == said("zero")


async def test_each_attempt_reads_what_the_first_one_read(store: Store) -> None:
    await told(store, run("r-0"), "zero")
    mark = (await store.read(run(), "s", None)).mark
    await told(store, run("r-2"), "two")

    found = await store.read(run(), "s", mark)

    assert (list(found.items), found.lost, found.mark) == (said("zero"), False, mark)


async def test_a_turn_that_stands_for_all_before_it_is_read_in_their_place(store: Store) -> None:
    await told(store, run("r-0"), "zero")
    mark = (await store.read(run("r-1"), "s", None)).mark
    await told(store, run("r-1"), "all in short", anew=True)
    await told(store, run("r-2"), "two")

    assert await read(store) == [*said("all in short"), *said("two")]
    assert list((await store.read(run("r-1"), "s", mark)).items) == said("zero")


async def test_a_deleted_session_is_empty_and_can_be_begun_anew(store: Store) -> None:
    await told(store, run("r-0"), "zero")

    assert await store.delete("acme", "s") == 1

    assert await read(store) == []
    await told(store, run("r-2"), "two")
    assert await read(store) == said("two")


@pytest.mark.parametrize("before", [0, 1])
async def test_a_run_that_was_under_way_does_not_write_a_deleted_session_back(
    store: Store, before: int
) -> None:
    for number in range(before):
        await told(store, run(f"r-{number}"), "old")
    mark = (await store.read(run("r-9"), "s", None)).mark

    await store.delete("acme", "s")
    await store.add(run("r-9"), SessionTurn("s", said("secret")), mark)

    assert await read(store) == []
    assert (await store.read(run("r-9"), "s", mark)).lost is bool(before)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("acme", "s"), ("globex", "s")),
        (("acme", "s"), ("acme", "t")),
        (("a", "b:c"), ("a:b", "c")),
        (("a", "\0"), ("a", "\\0")),
    ],
)
async def test_sessions_do_not_mix(store: Store, one: tuple[str, str], other: tuple[str, str]) -> None:
    await told(store, run(tenant_id=one[0]), "mine", one[1])

    assert await read(store, other[1], other[0]) == []
    assert await store.delete(*other) == 0
    await told(store, run(tenant_id=other[0], request_id="r-9"), "theirs", other[1])

    assert await read(store, one[1], one[0]) == said("mine")


async def test_items_of_any_kind_are_kept(store: Store) -> None:
    items = [{"output": "語 ü \u0000 😀", "n": 2**53 + 1, "none": None, "list": [{}]}]
    mark = (await store.read(run(), "s", None)).mark
    await store.add(run(), SessionTurn("s", items), mark)

    assert await read(store) == items


async def test_half_a_letter_does_not_lose_the_turn(store: Store) -> None:
    mark = (await store.read(run(), "s", None)).mark
    await store.add(run(), SessionTurn("s", [{"content": "\ud83d"}]), mark)

    assert len(await read(store)) == 1


# -- of the real one


async def test_sessions_end_when_their_time_is_up(tmp_path: Path) -> None:
    time = Time()
    store = sqlite(tmp_path / "s.db", time)
    await told(store, run("r-0"), "zero", ttl_s=10.0)
    await told(store, run("r-1"), "other", session_id="long")
    mark = (await store.read(run("r-9"), "s", None)).mark

    time.now += 11

    assert await read(store) == []
    assert await read(store, "long") == said("other")
    assert list((await store.read(run("r-9"), "s", mark)).items) == said("zero")  # it had begun before
    await told(store, run("r-2"), "two")
    assert await read(store) == said("two")
    assert [one.request_id for one in await store.turns("acme", "s")] == ["r-2"]


async def test_old_sessions_are_cleaned_away_and_younger_ones_stay(tmp_path: Path) -> None:
    time = Time()
    store = sqlite(tmp_path / "s.db", time)
    await told(store, run("r-0"), "old", "old")
    time.now += 100
    await told(store, run("r-1"), "young", "young")

    assert await store.clean(time.now - 50) == 1

    assert [(one.session_id, one.turns) for one in await store.sessions(None)] == [("young", 1)]
    assert await store.sessions("globex") == []


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("s.db*"))


async def test_what_was_said_cannot_be_read_in_the_file(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("A" * 43 + "=\n")
    store = sqlite(tmp_path / "s.db", seal=Seal(keys))
    await told(store, run(), "a very secret thing")

    assert await read(store) == said("a very secret thing")
    assert b"very secret" not in bytes_of(tmp_path)
    with pytest.raises(StoreUnavailable, match="PENSTOCK_MEMORY_KEYS_FILE"):
        await read(sqlite(tmp_path / "s.db"))


async def test_deployments_that_share_a_database_do_not_share_sessions(tmp_path: Path) -> None:
    one = sqlite(tmp_path / "s.db")
    database = Database(f"sqlite:///{tmp_path / 's.db'}")
    other = SqlSessions(database, "another", DAY_S, Time(), Seal())
    await told(one, run(), "mine")

    assert await read(other) == []
    assert await other.sessions(None) == []
    assert await other.delete("acme", "s") == 0
    assert await other.clean(Time.now + DAY_S) == 0
    assert await read(one) == said("mine")


async def test_a_database_that_does_not_answer_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await read(sqlite(tmp_path / "nowhere" / "s.db"))
