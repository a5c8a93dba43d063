"""The agents in agents_defs/agents/ answer without a network, and their definitions are sound."""

import asyncio

import pytest

from agents_defs.agent_spec import AgentSpec
from agents_defs.authoring.examination import examine
from agents_defs.authoring.testing import answer_of
from agents_defs.registry import default_registry

SPECS = default_registry().specs()


@pytest.mark.parametrize("spec", SPECS, ids=[spec.reference for spec in SPECS])
def test_its_definition_is_sound(spec: AgentSpec) -> None:
    assert [str(finding) for finding in examine(spec) if finding.level == "error"] == []


@pytest.mark.parametrize("spec", SPECS, ids=[spec.reference for spec in SPECS])
def test_it_answers_offline(spec: AgentSpec) -> None:
    result = asyncio.run(answer_of(spec, "Where is order 1042?"))

    assert result.output
