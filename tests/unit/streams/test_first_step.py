"""What need not wait is done at once; what has to wait goes on as a task, with nothing done twice."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from streams.first_step import Suspended, step


def as_task(begun: Suspended | None) -> "asyncio.Task[Any]":
    assert begun is not None
    return asyncio.get_running_loop().create_task(begun)


async def test_what_need_not_wait_is_done_at_once() -> None:
    done = []

    async def quick() -> None:
        done.append("all")

    assert step(quick()) is None
    assert done == ["all"]


async def test_what_it_raises_at_once_is_raised() -> None:
    async def broken() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        step(broken())


async def test_one_that_waits_goes_on_as_a_task_where_it_was() -> None:
    steps, gate = [], asyncio.Event()

    async def slow() -> str:
        steps.append("before")
        await gate.wait()
        steps.append("after")
        await asyncio.sleep(0)
        return "result"

    task = as_task(step(slow()))
    await asyncio.sleep(0)
    assert steps == ["before"]
    gate.set()

    assert await task == "result"
    assert steps == ["before", "after"]


async def test_one_that_only_lets_others_have_their_turn_goes_on() -> None:
    async def polite() -> str:
        await asyncio.sleep(0)
        return "done"

    assert await as_task(step(polite())) == "done"


async def test_what_it_waits_for_may_be_over_before_its_task_begins() -> None:
    future = asyncio.get_running_loop().create_future()
    begun = step(_wait_for(future))

    future.set_result("early")

    assert await as_task(begun) == "early"


async def test_a_failure_of_what_it_waits_for_reaches_it() -> None:
    future = asyncio.get_running_loop().create_future()
    task = as_task(step(_wait_for(future)))

    future.set_exception(ValueError("no"))

    assert await task == "caught no"


@pytest.mark.parametrize("turns", [0, 1, 3])
async def test_cancelled_at_any_time_it_cleans_up_and_takes_nothing(turns: int) -> None:
    queue: asyncio.Queue[str] = asyncio.Queue(maxsize=1)
    queue.put_nowait("first")
    task = as_task(step(queue.put("second")))
    for _ in range(turns):
        await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert queue.get_nowait() == "first"
    assert queue.empty()


async def test_one_that_goes_on_after_a_cancellation_waits_for_what_it_waits_for_then() -> None:
    first, second = (asyncio.get_running_loop().create_future() for _ in range(2))

    async def stubborn() -> Any:
        try:
            return await first
        except asyncio.CancelledError:
            return await second

    task = as_task(step(stubborn()))
    task.cancel()
    await asyncio.sleep(0)
    second.set_result("second")

    assert await asyncio.wait_for(task, 5) == "second"


async def test_closed_it_cleans_up() -> None:
    left = []

    async def tidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.append("tidy")

    begun = step(tidy())
    assert begun is not None
    begun.close()

    assert left == ["tidy"]


def _wait_for(future: "asyncio.Future[Any]") -> Coroutine[Any, Any, Any]:
    async def wait() -> Any:
        try:
            return await future
        except ValueError as error:
            return f"caught {error}"

    return wait()
