"""`penstock agents` for people and for scripts; what is wrong is said in one line."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from agents_defs import registry as registries
from agents_defs.equipment import equipment
from app import cli

RUNNER = CliRunner()
GAUGE = """
import time
from agents import Agent
from agents_defs.registry import AgentSpec

def told(context, agent):
    return f"It is {time.time()}."

def build():
    return Agent(name="gauge", instructions=told)

SPEC = AgentSpec(name="gauge", version=1, build=build)
"""
LISTER = """
from agents import Agent
from agents_defs.registry import AgentSpec
from agents_defs.tools.files import list_files

def build():
    return Agent(name="gauge", instructions="You list files.", tools=[list_files])

SPEC = AgentSpec(name="gauge", version=1, build=build)
"""


def run(*words: str, folder: Path | None = None) -> Result:
    environment = {"PENSTOCK_MODEL_PROVIDER": "openai", "OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}
    if folder is not None:
        environment["PENSTOCK_AGENTS_DIR"] = str(folder)
    return RUNNER.invoke(cli.app, ["agents", *words], env=environment)


@pytest.fixture
def gauges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an agent that asks a clock; its package is a new one for each test."""
    (tmp_path / "gauge.py").write_text(GAUGE)
    package = f"local_{tmp_path.name}"
    monkeypatch.setattr("agents_defs.discovery.LOCAL", package)
    return tmp_path


def test_all_versions_are_listed_with_their_files() -> None:
    shown, as_json = run("list"), run("list", "--json")

    assert shown.exit_code == 0
    assert "agents_defs/agents/support.py" in shown.stdout
    rows = [orjson.loads(line) for line in as_json.stdout.splitlines()]
    assert {"support", "research"} <= {row["agent"] for row in rows}
    assert rows[0]["limits"]["timeout_s"] > 0


def test_one_is_shown_whole() -> None:
    shown, as_json = run("show", "support"), run("show", "support", "--json")

    assert "hands off to billing" in shown.stdout
    assert "agents_defs/agents/support.py" in shown.stdout
    assert orjson.loads(as_json.stdout)["agents"][0]["handoffs"] == ["billing", "technical", "account"]


@pytest.mark.parametrize(
    ("form", "begins"), [("text", "research"), ("mermaid", "flowchart LR"), ("dot", "digraph agents {")]
)
def test_one_is_drawn(form: str, begins: str) -> None:
    drawn = run("graph", "research", "--format", form)

    assert drawn.exit_code == 0
    assert drawn.stdout.startswith(begins)
    assert "searcher" in drawn.stdout


def test_what_ships_is_sound() -> None:
    checked = run("check")

    assert (checked.exit_code, checked.stdout) == (0, "")
    assert "examined, nothing is wrong" in checked.stderr


def test_a_finding_is_one_line_with_file_and_line(gauges: Path) -> None:
    checked, as_json = run("check", "gauge", folder=gauges), run("check", "gauge", "--json", folder=gauges)

    line = GAUGE.splitlines().index('    return f"It is {time.time()}."') + 1
    lines = checked.stdout.splitlines()
    assert checked.exit_code == 1
    assert lines[0].startswith(f"{gauges / 'gauge.py'}:{line}: gauge@1: time.time() in the instructions")
    assert "take `await now(ctx)`" in lines[0]
    found = orjson.loads(as_json.stdout.splitlines()[0])
    assert (found["file"], found["line"], found["level"]) == (str(gauges / "gauge.py"), line, "error")


def test_only_those_that_are_named_are_examined(gauges: Path) -> None:
    assert run("check", "support", folder=gauges).exit_code == 0


@pytest.mark.parametrize(
    "words", [("show", "nobody"), ("graph", "nobody"), ("check", "nobody"), ("try", "nobody")]
)
def test_an_unknown_agent_is_answered_with_those_that_exist(words: tuple[str, ...]) -> None:
    ended = run(*words)

    assert ended.exit_code == 2
    assert f"penstock agents {words[0]}: unknown agent 'nobody'; registered: research@" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_tools_of_one_that_is_tried_work_with_what_a_workers_would(
    gauges: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gauges / "gauge.py").write_text(LISTER)
    rooms = gauges / "rooms"
    (rooms / "acme").mkdir(parents=True)
    (rooms / "acme" / "levels.csv").write_text("4.2")
    monkeypatch.setenv("PENSTOCK_FILES_ROOT", str(rooms))

    tried = run("try", "gauge", "List files.", "--offline", "--tenant", "acme", folder=gauges)

    assert "levels.csv" in tried.stderr + tried.stdout
    assert equipment().files() is None


def test_settings_of_tools_that_cannot_be_right_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_FILES_ROOT", "nowhere")

    tried = run("try", "support", "hello", "--offline")

    assert (tried.exit_code, tried.stderr.strip()) == (
        2,
        "penstock agents try: the example tools: nowhere is no folder",
    )


def test_one_is_tried_with_the_models_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = tmp_path / "models.yaml"
    models.write_text('endpoints: [{name: here, base_url: "http://127.0.0.1:1/v1"}]')
    monkeypatch.setenv("PENSTOCK_MODELS_FILE", str(models))

    tried = run("try", "support", "hello", "--max-cost-usd", "0.000001")

    assert "OPENAI_API_KEY is not set" not in tried.stderr
    assert tried.exit_code == 1


@pytest.mark.parametrize("command", ["list", "build", "check"])
def test_a_file_that_cannot_be_imported_is_named(gauges: Path, command: str) -> None:
    (gauges / "gauge.py").write_text("SPEC = (\n")

    ended = run(command, folder=gauges)

    assert ended.exit_code == 2
    assert f"{gauges / 'gauge.py'} cannot be imported: SyntaxError" in ended.stderr


def test_an_agent_that_cannot_be_built_is_named(gauges: Path) -> None:
    (gauges / "gauge.py").write_text(GAUGE.replace("return Agent", "raise KeyError('key')\n    return Agent"))

    ended = run("build", folder=gauges)

    assert ended.exit_code == 2
    assert f"{gauges / 'gauge.py'}: build() of gauge@1 failed: KeyError: 'key'" in ended.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("try", "support", "hello", "--max-cost-usd", "much"), "--max-cost-usd much: write an amount"),
        (("try", "support", "hello", "--max-cost-usd", "-1"), "--max-cost-usd -1: write an amount"),
        (("try", "support", "hello"), "OPENAI_API_KEY is not set: set it, or say --offline"),
        (("probe", "support", "--timeout", "soon"), "--timeout: 'soon' is no duration"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words: tuple[str, ...], said: str) -> None:
    ended = run(*words)

    assert ended.exit_code == 2
    assert said in ended.stderr


def test_one_is_tried_offline() -> None:
    tried = run("try", "support", "Where is order 1042?", "--offline")

    assert tried.exit_code == 0
    assert "Order 1042" in tried.stdout
    assert "[tool lookup_order(" in tried.stderr


def test_the_examples_of_patterns_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registries, "PATTERNS", "agents_defs.agents")
    monkeypatch.setenv("PENSTOCK_PATTERNS", "true")

    ended = run("list")

    assert "is registered already" in ended.stderr
