"""What is shown of an agent, in words, as JSON and as a drawing."""

from __future__ import annotations

from dataclasses import fields, replace

import orjson
import pytest

from agents_defs.agent_spec import AgentSpec
from agents_defs.authoring.drawing import draw
from agents_defs.guardrails.guards import length, secrets_out
from app.authoring import agent_text, graph_text
from app.settings import Settings
from tests.unit.authoring.shown_agents import SPEC, build

SETTINGS = Settings(model_provider="openai", model_standard="gpt-of-ours")


@pytest.fixture(name="whole")
def shown_whole() -> str:
    return agent_text.whole(SPEC, "gauge.py", SETTINGS, draw(build()))


def test_all_of_an_agent_is_shown(whole: str) -> None:
    for said in (
        "gauge@2",
        "gpt-of-ours (the tier standard)",
        "defined in        gauge.py",
        "answers with      Level",
        "tool open_gate (at most once, needs approval): Opens a gate.",
        "tool level (at least once): Tells the level.",
        "tool ask_judge (asks the agent judge)",
        "hands off to writer",
        "input guardrail polite",
        "asks the model: gpt-judge",
        "is told: a function",
    ):
        assert said in whole


def test_every_field_of_a_spec_is_shown(whole: str) -> None:
    for field in fields(AgentSpec):
        if field.name not in agent_text.APART:
            assert f"\n{field.name} " in whole


def test_guardrails_of_an_entry_are_named_with_their_side() -> None:
    spec = replace(SPEC, guardrails=(length(100), secrets_out()))

    whole = agent_text.whole(spec, "gauge.py", SETTINGS, draw(build()))
    limits = agent_text.document(spec, "gauge.py", SETTINGS)["limits"]

    assert "length (input), secrets (output)" in whole
    assert orjson.loads(orjson.dumps(limits))["guardrails"] == ["length (input)", "secrets (output)"]


def test_json_says_as_much() -> None:
    document = agent_text.whole_document(SPEC, "gauge.py", SETTINGS, draw(build()))

    again = orjson.loads(orjson.dumps(document))
    assert again["model"] == "gpt-of-ours"
    assert again["limits"]["max_turns"] == 10
    assert again["agents"][0]["tools"][1]["approval"] == "always"


def test_the_offline_model_stands_for_every_tier() -> None:
    assert agent_text.model_of(SPEC, Settings(model_provider="offline")) == "offline"


def test_a_tree_shows_each_agent_once() -> None:
    assert graph_text.as_tree(draw(build())).splitlines() == [
        "gauge",
        "├─ tool level",
        "├─ tool open_gate (needs approval)",
        "├─ tool ask_judge asks judge",
        "├─ hands off to writer",
        "│  └─ hands off to gauge (above)",
        "└─ guardrail polite",
    ]


def test_mermaid_has_all_edges() -> None:
    lines = graph_text.as_mermaid(draw(build())).splitlines()

    assert lines[0] == "flowchart LR"
    ids = {
        line.split('"')[1]: line.split("[")[0].split("(")[0].strip() for line in lines[1:] if "--" not in line
    }
    assert f'  {ids["gauge"]} -->|"hands off"| {ids["writer"]}' in lines
    assert f'  {ids["writer"]} -->|"hands off"| {ids["gauge"]}' in lines
    assert f'  {ids["gauge"]} -->|"as the tool ask_judge"| {ids["judge"]}' in lines
    assert f'  {ids["gauge"]} -->|"needs approval"| {ids["open_gate"]}' in lines


def test_dot_has_all_edges() -> None:
    drawn = graph_text.as_dot(draw(build()))

    assert drawn.startswith("digraph agents {")
    assert drawn.endswith("}")
    assert drawn.count("->") == 5
    assert '[label="as the tool ask_judge"]' in drawn
