"""Sessions on a real PostgreSQL: the contract of stores, and workers at once."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from agents_defs.database import Database
from app.adapters.memory_seal import Seal
from app.adapters.sql_sessions import SqlSessions
from streams.ports import SessionTurn
from tests.contract import test_session_size as sizes
from tests.contract import test_session_store as contract
from tests.contract.run_steps import said

CONTRACT = [
    test
    for name, test in vars(contract).items()
    if name.startswith("test_") and list(inspect.signature(test).parameters) == ["store"]
]


@pytest.fixture
async def stores(postgresql: str) -> AsyncIterator[Callable[[], SqlSessions]]:
    """Makes workers' clients of one deployment."""
    app_id, time, opened = f"t{uuid4().hex[:8]}", contract.Time(), []

    def make() -> SqlSessions:
        opened.append(SqlSessions(Database(postgresql), app_id, contract.DAY_S, time, Seal()))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


SIZES = [
    test
    for name, test in vars(sizes).items()
    if name.startswith("test_") and list(inspect.signature(test).parameters) == ["store"]
]


@pytest.mark.parametrize("test", SIZES, ids=lambda test: test.__name__.removeprefix("test_"))
async def test_large_sessions_grow_smaller(postgresql: str, test: Callable[[Any], Awaitable[None]]) -> None:
    app_id = f"t{uuid4().hex[:8]}"
    store = SqlSessions(Database(postgresql), app_id, contract.DAY_S, contract.Time(), Seal(), sizes.MOST)

    await test(store)
    store.close()


@pytest.mark.parametrize("test", CONTRACT, ids=lambda test: test.__name__.removeprefix("test_"))
async def test_the_contract_holds(
    stores: Callable[[], SqlSessions], test: Callable[[Any], Awaitable[None]]
) -> None:
    await test(stores())


async def test_workers_that_begin_at_once_add_a_turn_once(stores: Callable[[], SqlSessions]) -> None:
    workers, run = [stores() for _ in range(4)], contract.run()
    found = await asyncio.gather(*(one.read(run, "s", None) for one in workers))

    turn = SessionTurn("s", said("one"))
    await asyncio.gather(*(one.add(run, turn, found[0].mark) for one in workers * 3))

    assert await contract.read(workers[0]) == said("one")


async def test_ids_may_hold_what_postgresql_does_not_take(stores: Callable[[], SqlSessions]) -> None:
    store = stores()
    await contract.told(store, contract.run("r\0\\0"), "one", "s\0")

    (row,) = await store.sessions("acme")
    (turn,) = await store.turns("acme", "s\0")

    assert (row.session_id, turn.request_id) == ("s\0", "r\0\\0")
    assert await contract.read(store, "s\\0") == []


async def test_a_deletion_and_a_turn_at_once_leave_nothing(stores: Callable[[], SqlSessions]) -> None:
    one, other = stores(), stores()
    for number in range(10):
        key = contract.run(f"r-{number}")
        mark = (await one.read(key, "s", None)).mark

        await asyncio.gather(one.add(key, SessionTurn("s", said("secret")), mark), other.delete("acme", "s"))

        assert await contract.read(one) == []
