"""The pattern `voting`: several jurors judge at once and apart from each other, the majority decides."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from agents import Agent
from pydantic import BaseModel, Field

from agents_defs.agent_spec import AgentSpec
from agents_defs.flow import Flow
from agents_defs.flow_run import FlowRun
from agents_defs.text_files import instructions

JURORS = ("strict", "lenient", "careful")
Choice = Literal["approve", "refuse", "escalate"]


class Vote(BaseModel):
    """What one juror says."""

    choice: Choice
    reason: str = Field(description="Why, in one sentence.")


class Decision(BaseModel):
    """What most of them said; without a majority it goes to a person."""

    decision: Choice
    votes: dict[str, Vote]


async def vote(run: FlowRun, question: str) -> Decision:
    votes: list[Vote] = await run.ask_all((juror, question) for juror in JURORS)
    return Decision(decision=majority(votes), votes=dict(zip(JURORS, votes, strict=True)))


def majority(votes: list[Vote]) -> Choice:
    (choice, count), *_ = Counter(vote.choice for vote in votes).most_common()
    return choice if count * 2 > len(votes) else "escalate"


def build() -> Flow:
    jurors = [
        Agent(name=juror, instructions=instructions(__file__, juror), output_type=Vote) for juror in JURORS
    ]
    return Flow("voting", vote, jurors)


SPEC = AgentSpec(
    name="voting",
    version=1,
    build=build,
    description="Three jurors vote whether a claim is approved.",
    output_type=Decision,
    max_turns=len(JURORS),
)
