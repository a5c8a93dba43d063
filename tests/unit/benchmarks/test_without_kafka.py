"""Contestants that measure themselves."""

import asyncio

import pytest

from benchmarks.conversation import ANSWER
from benchmarks.without_kafka import runs


async def test_so_many_runs_so_many_at_once() -> None:
    running, most, done = 0, 0, 0

    async def run() -> str:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running, done = running - 1, done + 1
        return ANSWER

    await runs(run, 50, 7)

    assert (done, most) == (50, 7)


async def test_another_answer_is_no_run() -> None:
    async def run() -> str:
        return "sorry"

    with pytest.raises(ValueError, match="not the answer: 'sorry'"):
        await runs(run, 1, 1)
