"""The pattern `critic-loop`: a writer and a critic, until the text is good enough or the rounds are over."""

from __future__ import annotations

from agents import Agent
from pydantic import BaseModel, Field

from agents_defs.agent_spec import AgentSpec
from agents_defs.flow import Flow
from agents_defs.flow_run import FlowRun
from agents_defs.text_files import instructions

ROUNDS = 3
"""At most so many drafts: a critic that is never content would be paid for ever."""


class Review(BaseModel):
    """What the critic says of a draft."""

    good_enough: bool = Field(description="Whether the draft may go out as it is.")
    advice: str = Field("", description="The one or two changes that would help most.")


async def improve(run: FlowRun, question: str) -> str:
    draft = str(await run.ask("writer", question, aloud=True))
    for number in range(1, ROUNDS):
        review: Review = await run.ask("critic", f"{question}\n\nDraft {number} of {ROUNDS}:\n{draft}")
        if review.good_enough:
            break
        task = f"{question}\n\nDraft {number}:\n{draft}\n\nThe critic says:\n{review.advice}"
        draft = str(await run.ask("writer", task, aloud=True))
    return draft


def build() -> Flow:
    return Flow(
        "critic-loop",
        improve,
        [
            Agent(name="writer", instructions=instructions(__file__, "write")),
            Agent(name="critic", instructions=instructions(__file__), output_type=Review),
        ],
    )


SPEC = AgentSpec(
    name="critic-loop",
    version=1,
    build=build,
    description="Writes a text, and writes it anew until a critic is content; three drafts at most.",
    max_turns=2 * ROUNDS - 1,
)
