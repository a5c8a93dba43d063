"""The pattern `debate`: two sides argue in turns, a judge decides by a type."""

from __future__ import annotations

from typing import Literal

from agents import Agent
from pydantic import BaseModel, Field

from agents_defs.agent_spec import AgentSpec
from agents_defs.flow import Flow
from agents_defs.flow_run import FlowRun
from agents_defs.text_files import instructions

ROUNDS = 2


class Verdict(BaseModel):
    """What the judge decides."""

    winner: Literal["for", "against", "draw"] = Field(description="Whose arguments were better.")
    reason: str = Field(description="The argument that decided it, in two sentences.")


class Decided(BaseModel):
    """The answer: the verdict, and what it was based on."""

    verdict: Verdict
    arguments: list[str]


async def debate(run: FlowRun, question: str) -> Decided:
    said: list[str] = []
    for _ in range(ROUNDS):
        for side in ("for", "against"):
            argument = await run.ask(side, with_minutes(question, said))
            said.append(f"{side}: {argument}")
    verdict: Verdict = await run.ask("judge", with_minutes(question, said))
    return Decided(verdict=verdict, arguments=said)


def with_minutes(question: str, said: list[str]) -> str:
    return "\n\n".join([question, "Said so far:\n" + "\n".join(said)]) if said else question


def build() -> Flow:
    return Flow(
        "debate",
        debate,
        [
            Agent(name="for", instructions=instructions(__file__, "for")),
            Agent(name="against", instructions=instructions(__file__, "against")),
            Agent(name="judge", instructions=instructions(__file__), output_type=Verdict),
        ],
    )


SPEC = AgentSpec(
    name="debate",
    version=1,
    build=build,
    description="Two sides argue about a question in two rounds, a judge decides.",
    output_type=Decided,
    max_turns=2 * ROUNDS + 1,
)
