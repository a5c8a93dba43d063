"""The pattern `memory`: an assistant that remembers facts about its user beyond the conversation."""

from __future__ import annotations

from agents import Agent

from agents_defs.agent_spec import AgentSpec
from agents_defs.run_context import RunContext
from agents_defs.text_files import instructions
from agents_defs.tools.facts import forget, recall, remember


def build() -> Agent[RunContext]:
    return Agent[RunContext](
        name="assistant", instructions=instructions(__file__), tools=[remember, recall, forget]
    )


SPEC = AgentSpec(
    name="memory",
    version=1,
    build=build,
    description="Remembers what its user says about themselves, by category and tags.",
    max_turns=8,
)
