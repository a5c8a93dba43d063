"""One connection a worker: what happens when the server is away, crashes, changes, or will not end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from agents.testing import ScriptedModel, assistant_message

from agents_defs.mcp.connection import McpTrouble, Pace
from agents_defs.mcp.declared import McpServer
from tests.doubles import mcp_program
from tests.doubles.mcp_servers import QUICK, Programs, added, calling, connection, run, until
from tests.doubles.memory_journal import MemoryJournal

IMPATIENT = Pace(look_s=30.0, first_wait_s=0.02, longest_wait_s=0.1, patience_s=0.1)


def is_alive(pid: int) -> bool:
    """A zombie is as dead as can be told from here."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_server_that_crashes_is_started_anew(programs: Programs) -> None:
    one = connection(programs.open(programs.server()))
    await one.listed()

    with pytest.raises(McpTrouble, match="broke while crash was being called: nobody knows"):
        await one.call_tool("crash", {})
    result = await added(one, 1, 2)

    assert result == "sum 3"
    assert programs.noted() == ["crash", "add 1 2"]
    assert len(programs.pids()) == 2
    assert [why is None for _, why in programs.told] == [True, False, True]


async def test_a_server_that_dies_between_calls_is_missed_without_one(programs: Programs) -> None:
    pace = Pace(look_s=0.1, first_wait_s=0.02, longest_wait_s=0.1)
    one = connection(programs.open(programs.server(), pace=pace))
    await one.listed()

    os.kill(programs.pids()[0], signal.SIGKILL)
    await until(lambda: len(programs.pids()) == 2 and one.trouble is None)

    assert await added(one, 1, 2) == "sum 3"


async def test_tools_are_read_again_after_a_crash(programs: Programs) -> None:
    one = connection(programs.open(programs.server()))
    before = {tool.name for tool in await one.listed() or ()}
    (programs.folder / "more").touch()

    with pytest.raises(McpTrouble):
        await one.call_tool("crash", {})
    await one.call_tool("add", {"a": 1, "b": 2})

    assert {tool.name for tool in await one.listed() or ()} - before == {"later"}


async def test_a_run_keeps_the_tools_that_it_began_with(programs: Programs) -> None:
    runner = programs.runner(calling("add", a=1, b=2), programs.server())
    journal = MemoryJournal()
    first, _ = await run(runner, journal=journal)
    cut = {name: entry for name, entry in journal.entries.items() if "m1" not in name}
    (programs.folder / "more").touch()
    with pytest.raises(McpTrouble):
        await connection(runner.servers).call_tool("crash", {})
    await connection(runner.servers).call_tool("add", {"a": 3, "b": 4})

    again, _ = await run(runner, journal=MemoryJournal(cut).resumed(), attempt=2)

    assert again.output == first.output


async def test_a_run_whose_server_is_away_goes_on_where_another_worker_does_not_reach_it(
    programs: Programs,
) -> None:
    journal = MemoryJournal()
    first, _ = await run(programs.runner(calling("add", a=1, b=2), programs.server()), journal=journal)
    away = programs.server(command="/nonexistent/program")
    elsewhere = programs.runner(calling("add", a=1, b=2), away, pace=IMPATIENT)
    called = {name: entry for name, entry in journal.entries.items() if "m1" not in name}
    not_called = {name: entry for name, entry in called.items() if name != "t:t:c1"}

    replayed, _ = await run(elsewhere, journal=MemoryJournal(called).resumed(), attempt=2)
    told, _ = await run(elsewhere, journal=MemoryJournal(not_called).resumed(), attempt=2)

    assert replayed.output == first.output
    assert "add was not called: notes cannot be reached now" in told.output


async def test_a_model_is_told_of_a_server_that_was_never_there(programs: Programs) -> None:
    away = programs.server(command="/nonexistent/program", tools=("add", "slow"))
    model = ScriptedModel([[assistant_message("done")]])

    await run(programs.runner(model, away, pace=IMPATIENT))
    result, _ = await run(programs.runner(calling("add"), away, pace=IMPATIENT))

    assert [tool.name for tool in model.calls[0].tools] == ["add", "slow"]
    assert "notes cannot be reached now" in result.output


async def test_it_is_told_once_that_a_server_is_away(programs: Programs) -> None:
    one = connection(programs.open(programs.server(command="/nonexistent/program"), pace=IMPATIENT))

    await until(lambda: one.trouble != "not connected yet")
    await asyncio.sleep(0.5)

    assert len(programs.told) == 1
    assert one.trouble == "there is no program /nonexistent/program"


async def test_a_server_that_does_not_answer_is_given_up_in_time(programs: Programs) -> None:
    mute = McpServer(name="notes", command="sleep", args=("1000",), connect_timeout_s=0.2)
    one = connection(programs.open(mute, pace=IMPATIENT))

    await until(lambda: one.trouble == "it did not answer in time")


async def test_secrets_reach_the_program_and_nobody_else(programs: Programs) -> None:
    declared = programs.server(env={"MCP_WORD": "env:WORD"})
    one = connection(programs.open(declared, resolve=lambda reference: f"opened {reference}"))
    await one.listed()

    assert programs.notes.read_text().splitlines()[0].endswith("opened env:WORD")
    assert "opened" not in repr(one.declared)


async def test_a_secret_that_is_not_there_is_named_and_tried_again(programs: Programs) -> None:
    known: dict[str, str] = {}

    def resolve(reference: str) -> str:
        if reference not in known:
            raise LookupError(f"{reference} is not set")
        return known[reference]

    servers = programs.open(programs.server(env={"MCP_WORD": "env:WORD"}), resolve=resolve, pace=IMPATIENT)
    await until(lambda: servers.troubles["notes"] == "env:WORD is not set")
    known["env:WORD"] = "now"

    await until(lambda: servers.troubles["notes"] is None)


@pytest.mark.parametrize("words", [(), ("deaf",), ("brood",)])
async def test_no_program_is_left_when_the_worker_ends(programs: Programs, words: tuple[str, ...]) -> None:
    servers = programs.open(programs.server(*words))
    await connection(servers).listed()
    pids = programs.pids()
    assert all(map(is_alive, pids))

    await servers.close()

    await until(lambda: not any(map(is_alive, pids)), within_s=1.0)


WORKER = """
import asyncio, sys
sys.path.insert(0, {root!r})
from agents_defs.mcp.connections import McpServers
from agents_defs.mcp.declared import McpServer

async def main():
    servers = McpServers()
    servers.add([McpServer(name="notes", command=sys.executable, args={args!r})])
    servers.start()
    await servers._connections["notes"].listed()
    print("ready", flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


@pytest.mark.parametrize("words", [(), ("deaf",), ("brood",)])
async def test_no_program_is_left_when_the_worker_is_killed(
    programs: Programs, words: tuple[str, ...]
) -> None:
    args = programs.server(*words).args
    script = WORKER.format(root=str(Path(__file__).parents[3]), args=args)
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    try:
        assert await worker.stdout.readline() == b"ready\n"
        pids = programs.pids()
        assert all(map(is_alive, pids))
    finally:
        worker.kill()
        await worker.wait()

    await until(lambda: not any(map(is_alive, pids)), within_s=5.0)


class Web:
    """The same server, over HTTP."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, str(Path(mcp_program.__file__)), str(self._programs.notes)]
        self.process = subprocess.Popen([*command, "http", str(self.port)])

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def declared(self, **changes: Any) -> McpServer:
        return McpServer(name="notes", url=f"http://127.0.0.1:{self.port}/mcp", **changes)


async def test_a_server_over_http_is_used_missed_and_found_again(programs: Programs) -> None:
    web = Web(programs)
    one = connection(programs.open(web.declared(headers={"Authorization": "env:KEY"}), pace=QUICK))
    await until(lambda: one.trouble not in {None, "not connected yet"})
    try:
        web.start()
        first = await added(one, 1, 2)
        web.stop()
        with pytest.raises(McpTrouble, match="broke while add was being called"):
            await one.call_tool("add", {"a": 3, "b": 4})
        web.start()
        second = await added(one, 5, 6)
    finally:
        web.stop()

    assert (first, second) == ("sum 3", "sum 11")
    assert programs.noted() == ["add 1 2", "add 5 6"]
