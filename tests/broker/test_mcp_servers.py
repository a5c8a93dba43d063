"""Real workers with an MCP server: what is recorded is not called again, no program outlives its worker."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from app.simulator.server import RunningSimulator
from tests.broker.crew import Crew, request, until
from tests.broker.test_plan_limits import planned
from tests.doubles import mcp_program

pytestmark = pytest.mark.timeout(180)

TWO_CALLS = '[[sim: latency_ms=1500 tool=add args={"a":1,"b":2} then tool=add args={"a":3,"b":4}]]'
ONE_CALL = '[[sim: tool=add args={"a":5,"b":6}]]'


def is_alive(pid: int) -> bool:
    """A zombie is as dead as can be told from here."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Notes:
    """What the servers of all workers were asked, and which programs there were."""

    def __init__(self, folder: Path) -> None:
        self.path, self.file = folder / "notes", folder / "mcp.yaml"
        program = {"command": sys.executable, "args": [str(Path(mcp_program.__file__)), str(self.path)]}
        self.file.write_text(yaml.safe_dump({"servers": [{"name": "notes", "agents": ["clerk"], **program}]}))

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []

    def asked(self) -> list[str]:
        return [line for line in self.lines() if not line.startswith("started")]

    def pids(self) -> list[int]:
        return [int(line.split()[1]) for line in self.lines() if line.startswith("started")]


async def test_a_worker_that_is_killed_between_two_calls_makes_neither_twice_and_leaves_no_program(
    crew: Crew, models: RunningSimulator, tmp_path: Path
) -> None:
    notes = Notes(tmp_path)
    first = crew.start(worker_id="w", mcp_file=notes.file)
    await crew.send(request("r-1", text=TWO_CALLS))
    await until(lambda: notes.asked() == ["add 1 2"] and models.in_flight == 1, 40)
    (program,) = notes.pids()

    first.kill()
    await until(lambda: not is_alive(program), 5)
    second = crew.start(worker_id="w", mcp_file=notes.file)
    answered = await crew.answered(1, within_s=60)

    assert answered["r-1"]["status"] == "completed"
    assert notes.asked() == ["add 1 2", "add 3 4"]
    last = notes.pids()[-1]
    assert is_alive(last)
    second.terminate()
    await until(lambda: not second.alive(), 40)
    assert not is_alive(last)


async def test_a_plan_that_does_not_list_a_server_keeps_a_tenant_from_its_tools(
    crew: Crew, models: RunningSimulator, tmp_path: Path
) -> None:
    notes = Notes(tmp_path)
    await planned(crew, "without", mcp_servers=["wiki"])
    worker = crew.start(mcp_file=notes.file)
    await crew.ready(worker)

    await crew.send(request("r-1", "with", text=ONE_CALL), request("r-2", "without", text=ONE_CALL))
    answered = await crew.answered(2, within_s=60)

    assert answered["r-1"]["status"] == "completed"
    assert notes.asked() == ["add 5 6"]
    assert "sum 11" not in json.dumps(answered["r-2"])
