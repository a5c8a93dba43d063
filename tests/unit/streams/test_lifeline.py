"""A task that the worker cannot do without is missed when it dies, and only then."""

import asyncio

from streams.lifeline import Lifeline


async def test_the_death_of_a_task_is_noticed_with_its_cause() -> None:
    lifeline = Lifeline()

    async def dies() -> None:
        raise ValueError("a bug")

    lifeline.hold(asyncio.create_task(dies()))

    async with asyncio.timeout(5):
        assert repr(await lifeline.broken()) == "ValueError('a bug')"


async def test_tasks_that_end_or_are_cancelled_are_not_missed() -> None:
    lifeline = Lifeline()

    async def ends() -> None:
        return

    async def waits() -> None:
        await asyncio.Event().wait()

    cancelled = lifeline.hold(asyncio.create_task(waits()))
    await lifeline.hold(asyncio.create_task(ends()))
    cancelled.cancel()
    broken = asyncio.ensure_future(lifeline.broken())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert not broken.done()
    broken.cancel()
