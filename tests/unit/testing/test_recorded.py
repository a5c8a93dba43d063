"""Runs are recorded while an agent is tried, and replayed in tests until the agent asks something else."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, Model, ModelSettings
from agents.testing import ModelStep, assistant_message, function_call
from agents.testing import ScriptedModel as SdkScript

from agents_defs.agent_spec import AgentSpec
from agents_defs.authoring.testing import answer_of
from agents_defs.model_access import FixedAccess, NamedModel
from agents_defs.testing.recorded_model import RecordedModel
from app.authoring import asking
from app.authoring.trial import Trial, Wishes
from app.settings import Settings
from app.terminal.exits import Trouble
from app.testing.stream import StreamTest
from schemas.failures import RunFailure
from tests.unit.testing.gauging import GAUGE, water_level

KEY = "sk-test-0123456789abcdef"
LEVEL = [function_call("water_level", {"place": "Linz"}, call_id="c1")]


class Keyed(FixedAccess):
    """As a provider's, with a key."""

    def tier(self, tier: str) -> NamedModel:
        return replace(super().tier(tier), secrets=(KEY,))


async def record(file: Path, *steps: Any, spec: AgentSpec = GAUGE, question: str | None = "How high?") -> int:
    trial = Trial(Settings(), spec, Wishes("acme", record=file), Keyed(SdkScript(list(steps))))
    return await trial.hold(question)


@pytest.fixture(name="file")
async def recorded(tmp_path: Path) -> Path:
    """A recorded run of two turns."""
    file = tmp_path / "runs" / "gauge.json"
    assert await record(file, LEVEL, [assistant_message("4.2 m")]) == 0
    return file


def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def changed(**changes: Any) -> AgentSpec:
    def build() -> Agent[Any]:
        return GAUGE.build().clone(**changes)

    return replace(GAUGE, build=build)


async def test_a_run_is_replayed(file: Path) -> None:
    model = RecordedModel(file)

    result = await answer_of(GAUGE, model.questions[0], model)

    assert result.output == "4.2 m"
    assert (model.unscripted, model.unused) == (None, None)


async def test_it_is_replayed_in_the_stream(file: Path, stream_test: StreamTest) -> None:
    stream_test.model = RecordedModel(file)
    stream_test.register(GAUGE)

    await stream_test.send("gauge", "How high?", stream=True)
    await stream_test.settle()

    assert stream_test.reader("r-1").text == stream_test.response("r-1").text == "4.2 m"


async def test_a_conversation_is_recorded_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["How high?", "And now?", ""]

    async def line(_: str) -> str:
        return lines.pop(0)

    monkeypatch.setattr(asking, "line", line)

    await record(
        tmp_path / "run.json", [assistant_message("4.2 m")], [assistant_message("Still.")], question=None
    )

    model = RecordedModel(tmp_path / "run.json")
    first = await answer_of(GAUGE, "How high?", model)
    second = await answer_of(GAUGE, "And now?", model, session_items=tuple(first.new_items))
    assert (second.output, model.unused) == ("Still.", None)
    assert model._run.again(Path("run.json")) == "penstock agents try gauge --record run.json"


@pytest.mark.parametrize(
    ("spec", "lines"),
    [
        (
            changed(instructions="You tell lies."),
            ["-instructions: You tell w", "+instructions: You tell lies."],
        ),
        (changed(tools=[water_level]), ["-tools[1].name: open_gate"]),
    ],
)
async def test_who_asks_something_else_is_told_what_and_how_to_record_again(
    file: Path, spec: AgentSpec, lines: list[str]
) -> None:
    model = RecordedModel(file)

    with pytest.raises(RunFailure):
        await answer_of(spec, "How high?", model)

    said = model.unscripted or ""
    first, *_, last = said.splitlines()
    assert first == "the agent asks something else than was recorded in gauge.json (turn 1 of 2):"
    assert all(f"\n{line}" in said for line in lines)
    assert last == (
        f"If that is meant, record it again: penstock agents try gauge --record {file} 'How high?'"
    )
    assert len(said.splitlines()) <= 65


async def test_who_asks_more_or_less_than_was_recorded_is_told(file: Path) -> None:
    model = RecordedModel(file)
    assert "did not come to 2 of 2 turns recorded in gauge.json" in (model.unused or "")
    await answer_of(GAUGE, "How high?", model)

    with pytest.raises(RunFailure):
        await answer_of(GAUGE, "How high?", model)

    assert (model.unscripted or "").startswith("the agent asks more than the 2 turns recorded in gauge.json")


async def test_no_key_is_written(tmp_path: Path) -> None:
    keyed = changed(model_settings=ModelSettings(extra_headers={"Authorization": f"Bearer {KEY}"}))
    await record(tmp_path / "run.json", LEVEL, [assistant_message("4.2 m")], spec=keyed)

    text = text_of(tmp_path / "run.json")

    told = json.loads(text)
    assert KEY not in text
    assert set(told) == {"version", "agent", "questions", "turns"}
    assert set(told["turns"][0]["asked"]) == {"instructions", "input", "tools", "handoffs", "output"}


async def test_a_run_that_holds_a_key_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"nothing was recorded .* the run holds a model's API key"):
        await record(tmp_path / "run.json", [assistant_message(f"My key is {KEY}.")])

    assert os.listdir(tmp_path) == []


async def test_a_run_that_failed_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="only runs that are answered are"):
        await record(tmp_path / "run.json", ModelStep.raise_error(ValueError("no")))

    assert os.listdir(tmp_path) == []


async def test_a_model_that_the_agent_brings_cannot_be_recorded(tmp_path: Path) -> None:
    own: Model = SdkScript([[assistant_message("4.2 m")]])

    def build() -> Agent[Any]:
        return Agent(name="outer", instructions="Ask.", tools=[inner().as_tool("ask", "Asks.")])

    def inner() -> Agent[Any]:
        return Agent(name="inner", instructions="You tell water levels.", model=own)

    steps = [[function_call("ask", {"input": "?"}, call_id="c1")], [assistant_message("4.2 m")]]
    with pytest.raises(Trouble, match="the agent brings a model of its own, ScriptedModel; let it name"):
        await record(tmp_path / "run.json", *steps, spec=AgentSpec("outer", 1, build))


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2}', '{"version": 1, "agent": "a", "turns": 7}'])
def test_a_file_that_is_no_recorded_run_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)

    with pytest.raises(ValueError, match=r"is no recorded run .*: record one with `penstock agents try NAME"):
        RecordedModel(tmp_path / "run.json")
