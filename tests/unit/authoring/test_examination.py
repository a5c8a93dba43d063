"""What is wrong with a definition is found before it runs, with its line and with what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents_defs.authoring.examination import examine
from agents_defs.authoring.finding import Finding
from agents_defs.discovery import local_package, specs_of

HEAD = """\
import os, random, secrets, time, uuid
import datetime as calendar
from datetime import UTC, date, datetime
from random import choice
from time import time as clock
from typing import Any
from agents import Agent, GuardrailFunctionOutput, RunContextWrapper, function_tool, handoff, input_guardrail
from pydantic import BaseModel
from agents_defs.determinism import now, randomness
from agents_defs.nested_run import ask
from agents_defs.registry import AgentSpec
"""
GOOD = """
@function_tool
async def level(place: str) -> str:
    "Tells the level."
    return place

def build() -> Agent:
    return Agent(name="gauge", instructions="Tell levels.", tools=[level])
"""
SPEC = '\nSPEC = AgentSpec(name="gauge", version=1, build=build)\n'


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "local_agents"]:
        del sys.modules[name]


def examined(folder: Path, body: str, spec: str = SPEC) -> list[Finding]:
    (folder / "gauge.py").write_text(HEAD + body + spec)
    (only,) = specs_of(local_package(folder))
    return examine(only)


def lines_of(folder: Path) -> list[str]:
    return (folder / "gauge.py").read_text().splitlines()


def agent(**arguments: str) -> str:
    told = {"name": "'gauge'", "instructions": "'Tell levels.'", **arguments}
    given = ", ".join(f"{name}={value}" for name, value in told.items())
    return f"\ndef build():\n    return Agent({given})\n"


def test_nothing_is_found_where_nothing_is_wrong(tmp_path: Path) -> None:
    assert examined(tmp_path, GOOD) == []


UNRECORDED = [
    "time.time()",
    "clock()",
    "time.monotonic()",
    "time.strftime('%F')",
    "time.localtime()",
    "datetime.now(UTC)",
    "calendar.datetime.utcnow()",
    "date.today()",
    "random.random()",
    "choice([1, 2])",
    "random.Random()",
    "random.SystemRandom()",
    "uuid.uuid4()",
    "os.urandom(4)",
    "secrets.token_hex()",
    "hash('x')",
    "os.getpid()",
]


@pytest.mark.parametrize("call", UNRECORDED)
def test_a_clock_or_dice_in_instructions_is_named_with_its_line(tmp_path: Path, call: str) -> None:
    body = f"\ndef told(context, agent):\n    return str({call})\n"

    found = examined(tmp_path, body + agent(instructions="told"))

    errors = [one for one in found if "nothing records" in one.what]
    assert errors
    assert call.split("(")[0].split(".")[-1] in errors[0].what or "time.time()" in errors[0].what
    assert call in lines_of(tmp_path)[errors[0].place.line - 1]
    assert errors[0].instead


@pytest.mark.parametrize(
    "call", ["random.Random(7).random()", "time.strftime('%F', t)", "uuid.uuid5(uuid.NAMESPACE_URL, 'x')"]
)
def test_what_says_the_same_each_time_is_let_be(tmp_path: Path, call: str) -> None:
    body = f"\nt = (2026, 1, 1, 0, 0, 0, 0, 1, 0)\n\ndef told(context, agent):\n    return str({call})\n"

    assert examined(tmp_path, body + agent(instructions="told")) == []


PLACES = {
    "is_enabled of the tool 'level'": (
        "\ndef odd(context, agent):\n    return time.time() > 0\n"
        "\n@function_tool(is_enabled=odd)\nasync def level(place: str) -> str:\n    return place\n",
        {"tools": "[level]"},
    ),
    "needs_approval of the tool 'level'": (
        "\nasync def odd(context, arguments, call_id):\n    return time.time() > 0\n"
        "\n@function_tool(needs_approval=odd)\nasync def level(place: str) -> str:\n    return place\n",
        {"tools": "[level]"},
    ),
    "on_handoff of the hand-off to 'other'": (
        "\nasync def odd(context):\n    time.time()\n",
        {"handoffs": "[handoff(OTHER, on_handoff=odd)]"},
    ),
    "the input filter of the hand-off to 'other'": (
        "\ndef odd(data):\n    time.time()\n    return data\n",
        {"handoffs": "[handoff(OTHER, input_filter=odd)]"},
    ),
    "is_enabled of the hand-off to 'other'": (
        "\ndef odd(context, agent):\n    return time.time() > 0\n",
        {"handoffs": "[handoff(OTHER, is_enabled=odd)]"},
    ),
    "is_enabled of the hand-off to 'other' ": (
        "\nodd = lambda context, agent: time.time() > 0\n",
        {"handoffs": "[handoff(OTHER, is_enabled=odd)]"},
    ),
}


@pytest.mark.parametrize("role", PLACES)
def test_what_nothing_records_is_looked_through(tmp_path: Path, role: str) -> None:
    body, arguments = PLACES[role]
    built = agent(**arguments).replace(
        "    return Agent", "    OTHER = Agent(name='other', instructions='x')\n    return Agent"
    )

    (found,) = examined(tmp_path, body + built)

    assert found.what == f"time.time() in {role.strip()}, which nothing records"
    assert "time.time()" in lines_of(tmp_path)[found.place.line - 1]
    assert "await now(ctx)" in found.instead


def test_a_clock_in_a_tool_is_harmless(tmp_path: Path) -> None:
    body = "\n@function_tool\nasync def at() -> str:\n    'The time.'\n    return str(time.time())\n"

    assert examined(tmp_path, body + agent(tools="[at]")) == []


def test_a_clock_in_a_tool_that_is_made_in_build_is_harmless(tmp_path: Path) -> None:
    body = (
        "\nasync def at() -> str:\n    return str(time.time())\n"
        "\ndef build():\n    @function_tool\n    async def here() -> str:\n        return str(time.time())\n"
        "    return Agent(name='g', instructions='x', tools=[here, function_tool(at)])\n"
    )

    assert examined(tmp_path, body) == []


def test_a_clock_in_build_is_found(tmp_path: Path) -> None:
    found = examined(tmp_path, agent(instructions="f'It is {time.time()}.'"))

    assert {"time.time() in build(), which nothing records"} <= {one.what for one in found}


FLOW = (
    "\nfrom agents_defs.flow import Flow\n"
    "\nasync def steps(run, question):\n    {line}\n    return await run.ask('one', question)\n"
    "\ndef build():\n    return Flow('gauge', steps, [Agent(name='one', instructions='x')])\n"
)


def test_a_clock_between_the_steps_of_a_flow_is_found(tmp_path: Path) -> None:
    (found,) = examined(tmp_path, FLOW.format(line="at = time.time()"))

    assert found.what.startswith("time.time() in the steps of the flow 'gauge'")


def test_a_clock_that_a_flow_records_is_harmless(tmp_path: Path) -> None:
    assert examined(tmp_path, FLOW.format(line="await run.once('at', lambda: time.time())")) == []


def test_a_clock_in_a_guardrail_is_harmless(tmp_path: Path) -> None:
    body = (
        "\n@input_guardrail\nasync def late(context, agent, asked):\n"
        "    return GuardrailFunctionOutput(output_info=None, tripwire_triggered=time.time() < 0)\n"
    )

    assert examined(tmp_path, body + agent(input_guardrails="[late]")) == []


def test_a_clock_in_a_tool_that_asks_an_agent_is_not(tmp_path: Path) -> None:
    body = (
        "\nJUDGE = Agent(name='judge', instructions='Judge.')\n"
        "\n@function_tool\nasync def at(context: RunContextWrapper[Any]) -> str:\n    'The time.'\n"
        "    return await ask(context, JUDGE, f'Is {time.time()} late?')\n"
    )

    (found,) = examined(tmp_path, body + agent(tools="[at]"))

    assert found.what.startswith("time.time() in the tool 'at'")


def test_functions_that_are_called_are_looked_through(tmp_path: Path) -> None:
    body = (
        "\ndef stamp():\n    return inner()\n"
        "\ndef inner():\n    return uuid.uuid4()\n"
        "\ndef told(context, agent):\n    return f'Run {stamp()}'\n"
    )

    found = examined(tmp_path, body + agent(instructions="told"))

    assert "uuid.uuid4()" in found[0].what
    assert "return uuid.uuid4()" in lines_of(tmp_path)[found[0].place.line - 1]
    assert "randomness(ctx)" in found[0].instead


def test_a_constant_that_is_taken_from_a_clock_is_found_where_it_is_used(tmp_path: Path) -> None:
    body = "\nTODAY = date.today().isoformat()\nUNUSED = time.time()\n"

    (found,) = examined(tmp_path, body + agent(instructions="f'It is {TODAY}.'"))

    assert found.what.startswith("TODAY is date.today() of when the module was loaded in build()")


def test_a_clock_behind_a_librarys_function_is_trapped(tmp_path: Path) -> None:
    body = (
        "\nfrom email.utils import localtime\n\ndef told(context, agent):\n    return f'{localtime():%F}'\n"
    )

    (found,) = examined(tmp_path, body + agent(instructions="told"))

    assert "localtime()" in lines_of(tmp_path)[found.place.line - 1]


def test_who_only_logs_is_let_be(tmp_path: Path) -> None:
    body = "\nimport logging\n\ndef told(context, agent):\n    logging.error('told')\n    return 'x'\n"

    assert examined(tmp_path, body + agent(instructions="told")) == []


def test_the_time_of_the_run_is_the_way_to_take_it(tmp_path: Path) -> None:
    body = (
        "\nasync def told(context, agent):\n"
        "    return f'{await now(context)} {randomness(context).random()}'\n"
    )

    assert examined(tmp_path, body + agent(instructions="told")) == []


async def test_whoever_examines_may_have_an_event_loop(tmp_path: Path) -> None:
    body = "\nasync def told(context, agent):\n    return f'{time.time()}'\n"

    found = examined(tmp_path, body + agent(instructions="told"))

    assert [one.level for one in found] == ["error", "error"]


def test_instructions_that_differ_from_call_to_call_are_found(tmp_path: Path) -> None:
    body = "\nSAID = []\n\ndef told(context, agent):\n    SAID.append(1)\n    return f'Call {len(SAID)}'\n"

    (found,) = examined(tmp_path, body + agent(instructions="told"))

    assert found.what == "the instructions of the agent 'gauge' say something else the second time"
    assert "def told" in lines_of(tmp_path)[found.place.line - 1]


def test_instructions_that_need_a_request_are_a_note(tmp_path: Path) -> None:
    body = "\ndef told(context, agent):\n    return context.context.metadata['place']\n"

    (found,) = examined(tmp_path, body + agent(instructions="told"))

    assert (found.level, "KeyError" in found.what) == ("note", True)


WRONG = {
    "a second time": "\nONE = Agent(name='gauge', instructions='x')\n\ndef build():\n    return ONE\n",
    "makes something else the second time": (
        "\nN = []\n\ndef build():\n    N.append(1)\n    return Agent(name=f'g{len(N)}', instructions='x')\n"
    ),
    "gauge.md is missing": (
        "\nfrom agents_defs.text_files import instructions\n"
        "\ndef build():\n    return Agent(name='gauge', instructions=instructions(__file__))\n"
    ),
    "build() failed: ValueError: no key": "\ndef build():\n    raise ValueError('no key')\n",
    "build() returned str": "\ndef build():\n    return 'gauge'\n",
    "is told nothing": agent(instructions="'  '"),
    "is told nothing ": agent(instructions="None"),
    "a name that models' APIs refuse": (
        "\n@function_tool(name_override='water level')\nasync def level() -> str:\n    return 'x'\n"
        + agent(tools="[level]")
    ),
    "two that are called 'level'": GOOD.split("def build")[0] + agent(tools="[level, level]"),
    "is not strict": (
        "\n@function_tool(strict_mode=False)\nasync def level(any: dict[str, Any]) -> str:\n    return 'x'\n"
        + agent(tools="[level]")
    ),
    "has no strict schema": "\nclass Open(BaseModel):\n    any: dict[str, Any]\n" + agent(output_type="Open"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_definition_that_breaks_a_rule_is_told_what_to_do(tmp_path: Path, what: str) -> None:
    found = examined(tmp_path, WRONG[what])

    matching = [one for one in found if what.strip() in one.what]
    assert matching
    assert matching[0].level == "error"
    assert matching[0].instead
    assert str(matching[0]).startswith(str(tmp_path / "gauge.py"))


def test_an_empty_instructions_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "gauge.md").write_text(" \n")

    (found,) = examined(tmp_path, WRONG["gauge.md is missing"])

    assert "is told nothing" in found.what


@pytest.mark.parametrize(("canned", "fits"), [("'{\"metres\": 4.2}'", True), ("'call us'", False)])
def test_a_canned_answer_fits_the_output_type(tmp_path: Path, canned: str, fits: bool) -> None:
    body = "\nclass Level(BaseModel):\n    metres: float\n" + agent(output_type="Level")
    spec = SPEC.replace("build=build", f"build=build, output_type=Level, canned_answer={canned}")

    found = examined(tmp_path, body, spec)

    assert [one.what for one in found] == ([] if fits else ["the canned answer is no Level"])


def test_an_output_type_that_no_agent_has_is_found(tmp_path: Path) -> None:
    spec = "\nSPEC = AgentSpec(name='gauge', version=1, build=build, output_type=int)\n"

    (found,) = examined(tmp_path, GOOD, spec)

    assert "none of its agents has one" in found.what


def test_hand_offs_that_come_back_are_listed_and_allowed(tmp_path: Path) -> None:
    body = (
        "\ndef build():\n    one = Agent(name='one', instructions='x')\n"
        "    two = Agent(name='two', instructions='x', handoffs=[one])\n"
        "    one.handoffs = [two]\n    return one\n"
    )

    (found,) = examined(tmp_path, body)

    assert (found.level, found.what) == ("note", "hand-offs may come back: one -> two -> one")
