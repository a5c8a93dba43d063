"""The pattern `pipeline`: plan, search at once, analyse, write, review; each step by an agent of its own."""

from __future__ import annotations

from agents import Agent
from pydantic import BaseModel, Field

from agents_defs.agent_spec import AgentSpec
from agents_defs.flow import Flow
from agents_defs.flow_run import FlowRun
from agents_defs.run_context import RunContext
from agents_defs.text_files import instructions
from agents_defs.tools.knowledge import read_document, search_documents

MOST_TOPICS = 3


class Plan(BaseModel):
    """What has to be found out."""

    topics: list[str] = Field(description="Each in a few words to search for.", min_length=1, max_length=5)


class Review(BaseModel):
    """What the reviewer says of the draft."""

    good_enough: bool = Field(description="Whether the draft may go out as it is.")
    advice: str = Field("", description="What has to be changed, if anything.")


async def research(run: FlowRun, question: str) -> str:
    plan: Plan = await run.ask("planner", question)
    found = await run.ask_all(("searcher", topic) for topic in plan.topics[:MOST_TOPICS])
    passages = "\n".join(f"- {passage}" for passage in found)
    analysis = await run.ask("analyst", f"{question}\n\nWhat was found:\n{passages}")
    draft = await run.ask("writer", f"{question}\n\nThe analysis:\n{analysis}", aloud=True)
    review: Review = await run.ask("reviewer", f"{question}\n\nThe draft:\n{draft}")
    if review.good_enough:
        return str(draft)
    revised = f"{question}\n\nThe draft:\n{draft}\n\nThe reviewer wants changed:\n{review.advice}"
    return str(await run.ask("writer", revised, aloud=True))


def build() -> Flow:
    return Flow(
        "pipeline",
        research,
        [
            Agent(name="planner", instructions=instructions(__file__, "plan"), output_type=Plan),
            Agent[RunContext](
                name="searcher",
                instructions=instructions(__file__, "search"),
                tools=[search_documents, read_document],
            ),
            Agent(name="analyst", instructions=instructions(__file__, "analyse")),
            Agent(name="writer", instructions=instructions(__file__, "write")),
            Agent(name="reviewer", instructions=instructions(__file__, "review"), output_type=Review),
        ],
    )


SPEC = AgentSpec(
    name="pipeline",
    version=1,
    build=build,
    description="Research in five steps: plan, search, analyse, write, review.",
    timeout_s=180.0,
    max_turns=20,
)
