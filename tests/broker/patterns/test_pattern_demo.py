"""`penstock demo --pattern` plays a pattern from nothing, and ends well."""

import asyncio
import sys

import pytest

from tests.broker.crew import ROOT

WITHIN_S = 100


async def played(name: str) -> tuple[int | None, str]:
    """Its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "app", "demo", "--pattern", name),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            said, _ = await process.communicate()
    except BaseException:
        process.kill()
        raise
    return process.returncode, said.decode()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (
            "approval",
            ["waits for a person: pay_back", "ada approves", "response: completed", "2 model calls"],
        ),
        ("memory", ["Remembered", "What do I prefer", "short sentences", "response: completed"]),
    ],
)
async def test_a_pattern_is_played_to_its_end(name: str, shown: list[str]) -> None:
    code, said = await played(name)

    assert code == 0, said
    assert [words for words in shown if words not in said] == []
