"""An entry that cannot be run is refused in one line that says what to do."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from agents import Agent
from pydantic import BaseModel

from agents_defs.registry import AgentSpec, BadRegistration, Registry

GOOD = AgentSpec(name="gauge", version=1, build=lambda: Agent(name="gauge"))


class Level(BaseModel):
    metres: float


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model_tier": "huge"}, "model_tier='huge': write one of small, standard, large"),
    ({"timeout_s": -1.0}, "timeout_s=-1.0: write seconds, more than 0"),
    ({"timeout_s": float("nan")}, "timeout_s=nan: write seconds"),
    ({"warn_after_s": float("inf")}, "warn_after_s=inf: write seconds"),
    ({"call_timeout_s": 0}, "call_timeout_s=0: write seconds"),
    ({"tool_timeout_s": "30"}, "tool_timeout_s='30': write seconds"),
    ({"approval_valid_s": True}, "approval_valid_s=True: write seconds"),
    ({"max_turns": 0}, "max_turns=0: write a whole number from 1"),
    ({"max_runs": 0}, "max_runs=0: write how many may run at once, from 1, or leave it out"),
    ({"output_tokens": 1.5}, "output_tokens=1.5: write a whole number"),
    ({"on_unknown_call": "maybe"}, "on_unknown_call='maybe': write one of retry, fail"),
    ({"fallback_models": "gpt"}, "fallback_models='gpt': write a tuple"),
    ({"max_cost_usd": 0.25}, r"max_cost_usd=0.25: write Decimal\('0.25'\)"),
    ({"max_cost_usd": Decimal("-1")}, "max_cost_usd"),
    ({"max_cost_usd": Decimal("NaN")}, "max_cost_usd"),
    ({"memory": "redis"}, r"memory='redis': write MemorySpec\("),
    ({"guardrails": "injection"}, "guardrails='injection': write a tuple"),
    ({"guardrails": ("injection",)}, "write a tuple of those in agents_defs/guardrails/guards.py"),
    ({"canned_answer": " "}, "canned_answer=' ': write a text"),
    ({"output_type": object()}, "give a type that has a JSON schema"),
    ({"output_type": "Level"}, "output_type='Level': give a type"),
    ({"build": Agent(name="gauge")}, "give the function that builds the agent"),
    ({"name": ""}, "name='': an agent needs a name"),
    ({"name": 7}, "an AgentSpec: name=7"),
    ({"version": "1"}, "version='1': an agent needs a version from 1"),
]


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_a_field_that_makes_no_sense_is_refused_with_its_file(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRegistration, match=said) as caught:
        Registry().register(dataclasses.replace(GOOD, **change), "gauges.py")

    assert str(caught.value).startswith("gauges.py: ")
    assert "\n" not in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadRegistration, match=r"max_turns=.*; model_tier="):
        Registry([dataclasses.replace(GOOD, model_tier="x", max_turns=-1)])


@pytest.mark.parametrize(
    "change",
    [
        {"output_type": Level},
        {"output_type": list[Level]},
        {"output_type": dict[str, int]},
        {"max_cost_usd": Decimal("0.25")},
        {"timeout_s": 5},
        {"fallback_models": ("a", "b")},
    ],
)
def test_what_makes_sense_is_registered(change: dict[str, Any]) -> None:
    registry = Registry([dataclasses.replace(GOOD, **change)])

    assert registry.resolve("gauge").version == 1
