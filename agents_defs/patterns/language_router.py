"""The pattern `language-router`: one agent names the language, code picks the agent that speaks it."""

from __future__ import annotations

from typing import Literal

from agents import Agent
from pydantic import BaseModel, Field

from agents_defs.agent_spec import AgentSpec
from agents_defs.flow import Flow
from agents_defs.flow_run import FlowRun
from agents_defs.run_context import RunContext
from agents_defs.text_files import instructions
from agents_defs.tools.knowledge import search_knowledge_base
from agents_defs.tools.orders import lookup_order

LANGUAGES = ("english", "german", "french", "spanish")


class Spoken(BaseModel):
    """In which language somebody writes."""

    language: Literal["english", "german", "french", "spanish", "other"] = Field(
        description="The language of the text, not one that it talks about."
    )


async def route(run: FlowRun, question: str) -> str:
    spoken: Spoken = await run.ask("router", question)
    desk = spoken.language if spoken.language in LANGUAGES else "english"
    return str(await run.ask(desk, question, aloud=True))


def build() -> Flow:
    router = Agent[RunContext](name="router", instructions=instructions(__file__), output_type=Spoken)
    desks = [
        Agent[RunContext](
            name=language,
            instructions=instructions(__file__, language),
            tools=[lookup_order, search_knowledge_base],
        )
        for language in LANGUAGES
    ]
    return Flow("language-router", route, [router, *desks])


SPEC = AgentSpec(
    name="language-router",
    version=1,
    build=build,
    description="Answers customers in English, German, French or Spanish.",
    max_turns=6,
    model_tier="small",
)
