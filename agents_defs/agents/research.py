"""The agent `research`: one agent plans, one searches a collection of documents, one writes the answer."""

from __future__ import annotations

from typing import Any

from agents import Agent, RunContextWrapper, handoff
from pydantic import BaseModel, Field

from agents_defs.agent_spec import AgentSpec
from agents_defs.guardrails.guards import usual
from agents_defs.run_context import RunContext
from agents_defs.text_files import instructions
from agents_defs.tools.knowledge import read_document, search_documents


class Plan(BaseModel):
    """What the searcher is to find out."""

    reason: str = Field("", description="The two or three things that have to be found out.")


def build() -> Agent[RunContext]:
    writer = Agent[RunContext](
        name="writer",
        handoff_description="Writes the answer from the documents that were found.",
        instructions=instructions(__file__, "write"),
    )
    searcher = Agent[RunContext](
        name="searcher",
        handoff_description="Searches the documents for what the plan asks for.",
        instructions=instructions(__file__, "search"),
        tools=[search_documents, read_document],
        handoffs=[writer],
    )
    return Agent[RunContext](
        name="research",
        instructions=instructions(__file__, "plan"),
        handoffs=[handoff(searcher, on_handoff=_told, input_type=Plan)],
    )


async def _told(_context: RunContextWrapper[Any], _plan: Plan) -> None:
    """The searcher reads the plan in the conversation; nothing else has to happen."""


SPEC = AgentSpec(
    name="research",
    version=1,
    build=build,
    description="Answers from documents about event streams, reliability, AI agents and hydropower.",
    timeout_s=180.0,
    max_turns=16,
    guardrails=usual(),
)
