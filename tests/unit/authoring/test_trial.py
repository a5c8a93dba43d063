"""An agent is tried in the terminal: its answer, its tools, approvals, what it costs, and its failures."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from agents import Usage
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call

from agents_defs.model_access import FixedAccess
from agents_defs.prices import Rates
from app.authoring import asking
from app.authoring.trial import Trial, Wishes
from app.settings import Settings
from app.terminal.exits import Trouble
from tests.unit.authoring.shown_agents import SPEC

LEVEL = [function_call("level", {"place": "Linz"}, call_id="c1")]
OPEN = [*LEVEL, function_call("open_gate", {"number": 3}, call_id="c2")]


def trial(*steps: Any, **wishes: Any) -> Trial:
    access = FixedAccess(ScriptedModel(list(steps)))
    return Trial(Settings(), SPEC, Wishes("acme", **wishes), access)


@pytest.fixture(name="typed")
def what_is_typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str | None]]:
    lines: list[str | None] = []

    async def line(_prompt: str) -> str | None:
        return lines.pop(0) if lines else None

    monkeypatch.setattr(asking, "line", line)
    yield lines
    assert not lines, "nobody asked for what was typed"


async def test_the_answer_is_on_standard_output_and_all_else_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = await trial(LEVEL, [assistant_message("It is 4.2 m.")]).hold("How high?")

    shown = capsys.readouterr()
    assert (code, shown.out) == (0, "It is 4.2 m.\n")
    assert '[tool level({"place":"Linz"})]' in shown.err
    assert "[tool returned: 4.2 m at Linz]" in shown.err
    assert "completed · gauge@2 (gauge) · scripted · 2 model calls" in shown.err


async def test_a_hand_off_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [[function_call("transfer_to_writer", {}, call_id="c1")], [assistant_message('{"metres": 4.2}')]]

    code = await trial(*steps).hold("How high?")

    shown = capsys.readouterr()
    assert code == 0
    assert "[gauge hands over to writer]" in shown.err
    assert shown.out == '{"metres": 4.2}\n'


@pytest.mark.parametrize(
    ("answer", "returned"), [("y", "gate 3 is open"), ("n", "rejected"), (None, "rejected")]
)
async def test_approvals_are_asked_for_here(
    capsys: pytest.CaptureFixture[str], typed: list[str | None], answer: str | None, returned: str
) -> None:
    told: list[Any] = []

    async def last(call: Any) -> Any:
        told.extend(call.input)
        return [assistant_message("Done.")]

    typed.append(answer)

    code = await trial(OPEN, ModelStep.respond(last)).hold("Open gate 3.")

    shown = capsys.readouterr()
    assert (code, shown.out) == (0, "Done.\n")
    assert 'gauge asks for approval of open_gate({"number":3})' in shown.err
    assert ("[tool returned: gate 3 is open]" in shown.err) is (answer == "y")
    assert returned in str(told)
    assert shown.err.count("[tool level(") == 1
    assert "2 model calls" in shown.err


async def test_a_conversation_remembers_what_was_said(
    capsys: pytest.CaptureFixture[str], typed: list[str | None]
) -> None:
    heard: list[Any] = []

    async def second(call: Any) -> Any:
        heard.extend(call.input)
        return [assistant_message("Still 4.2 m.")]

    typed += ["How high?", "And now?", ""]

    code = await trial([assistant_message("4.2 m.")], ModelStep.respond(second)).hold(None)

    assert code == 0
    assert "4.2 m." in str(heard)
    assert "How high?" in str(heard)
    assert capsys.readouterr().out == "4.2 m.\nStill 4.2 m.\n"


async def test_a_failure_has_the_code_that_a_response_would_have(capsys: pytest.CaptureFixture[str]) -> None:
    code = await trial([function_call("no_such_tool", {}, call_id="c1")]).hold("How high?")

    shown = capsys.readouterr()
    assert code == 1
    assert "model_behaviour: " in shown.err
    assert "failed · scripted · 1 model call" in shown.err


async def test_a_cap_on_its_cost_holds(capsys: pytest.CaptureFixture[str]) -> None:
    usage = Usage(requests=1, input_tokens=1_000_000, output_tokens=0, total_tokens=1_000_000)
    model = ScriptedModel([ModelStep(output=LEVEL, usage=usage), [assistant_message("x")]])
    access = FixedAccess(model, "gpt", Rates("list/1", input=((-1, Decimal(2)),)))

    code = await Trial(Settings(), SPEC, Wishes("acme", None, Decimal("1.5")), access).hold("How high?")

    shown = capsys.readouterr()
    assert code == 1
    assert "run_cost_cap: the run spent 2 of at most 1.5 USD" in shown.err
    assert "$2" in shown.err


def test_without_a_key_one_is_told_what_to_do() -> None:
    settings = Settings(openai_api_key=None, openai_base_url=None, model_provider="openai")

    with pytest.raises(Trouble, match="say --offline"):
        Trial(settings, SPEC, Wishes("acme"))
