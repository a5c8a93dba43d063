"""`penstock simulator` as a process of its own: it says where it listens, and stops when told to."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from app.simulator import ledger

COMMAND = (
    sys.executable,
    "-c",
    "import typer; from app.commands.simulator import simulator; typer.run(simulator)",
)


@contextlib.asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdout=pipe, stderr=pipe)
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def first_line(started: asyncio.subprocess.Process) -> str:
    assert started.stdout is not None
    async with asyncio.timeout(20):
        return (await started.stdout.readline()).decode().strip()


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, told: signal.Signals) -> None:
    path = tmp_path / "ledger.jsonl"
    async with process("--port", "0", "--ledger", str(path)) as started:
        line = await first_line(started)
        url = line.removeprefix("penstock simulator listens on ").partition(",")[0]
        async with AsyncOpenAI(base_url=url, api_key="any") as client:
            answer = await client.responses.create(model="m", input='[[sim: text="yes"]]')

        started.send_signal(told)
        output, errors = await asyncio.wait_for(started.communicate(), 20)

    assert answer.output_text == "yes"
    assert (started.returncode, output, errors) == (0, b"", b"")
    assert [entry["outcome"] for entry in ledger.read(path)] == ["ok"]


async def test_a_caller_killed_in_the_middle_of_a_stream_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with process("--port", "0", "--ledger", str(path)) as started:
        url = (await first_line(started)).removeprefix("penstock simulator listens on ").partition(",")[0]
        call = (
            "import openai\n"
            f"client = openai.OpenAI(base_url={url!r}, api_key='any')\n"
            "text = '[[sim: chunk_ms=60000]] hello'\n"
            "for event in client.responses.create(model='m', input=text, stream=True):\n"
            "    print(event.type, flush=True)\n"
        )
        caller = await asyncio.create_subprocess_exec(
            sys.executable, "-c", call, stdout=asyncio.subprocess.PIPE
        )
        assert caller.stdout is not None
        async with asyncio.timeout(20):
            while b"output_text.delta" not in await caller.stdout.readline():
                pass

        caller.kill()
        await caller.communicate()
        async with asyncio.timeout(5):
            while not path.read_bytes():
                await asyncio.sleep(0.01)

    (entry,) = ledger.read(path)
    assert (entry["outcome"], entry["billed"]) == ("client_gone", True)


async def test_a_ledger_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    async with process("--port", "0", "--ledger", str(tmp_path)) as started:
        _, errors = await asyncio.wait_for(started.communicate(), 20)

    assert started.returncode == 1
    assert errors.decode() == f"penstock simulator cannot start with {tmp_path}: Is a directory\n"


async def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with process("--port", port) as started:
            output, errors = await asyncio.wait_for(started.communicate(), 20)

    assert started.returncode == 1
    assert output == b""
    assert errors.decode().startswith(f"penstock simulator cannot start on 127.0.0.1:{port}: ")
    assert errors.count(b"\n") == 1
