"""Turns are had in the order of asking, for each key by itself."""

import asyncio

from streams.one_by_one import OneByOne


async def test_those_of_one_key_follow_each_other_and_others_do_not_wait() -> None:
    turns, told, gate = OneByOne(), [], asyncio.Event()

    async def have(key: str, name: str) -> None:
        async with turns.turn(key):
            told.append(name)
            await gate.wait()

    tasks = [asyncio.create_task(have(key, key + str(n))) for key in "ab" for n in range(3)]
    await asyncio.sleep(0.0)
    assert told == ["a0", "b0"]
    gate.set()
    await asyncio.gather(*tasks)

    assert [one for one in told if one[0] == "a"] == ["a0", "a1", "a2"]


async def test_nothing_is_kept_of_turns_that_are_over_or_were_given_up() -> None:
    turns = OneByOne()
    async with turns.turn("a"):

        async def wait() -> None:
            async with turns.turn("a"):
                pass

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert len(turns) == 1

    assert len(turns) == 0
