"""The pattern `round-robin`: three voices take turns, each reads what was said, and somebody sums it up."""

from __future__ import annotations

from agents import Agent

from agents_defs.agent_spec import AgentSpec
from agents_defs.flow import Flow
from agents_defs.flow_run import FlowRun
from agents_defs.text_files import instructions

VOICES = ("engineer", "operator", "customer")
ROUNDS = 2


async def discussion(run: FlowRun, question: str) -> str:
    said: list[str] = []
    for _ in range(ROUNDS):
        for voice in VOICES:
            said.append(f"{voice}: {await run.ask(voice, minutes(question, said))}")
    return str(await run.ask("moderator", minutes(question, said), aloud=True))


def minutes(question: str, said: list[str]) -> str:
    """What a voice reads before it speaks."""
    return "\n\n".join([question, "Said so far:\n" + "\n".join(said)]) if said else question


def build() -> Flow:
    voices = [Agent(name=voice, instructions=instructions(__file__, voice)) for voice in VOICES]
    moderator = Agent(name="moderator", instructions=instructions(__file__))
    return Flow("round-robin", discussion, [*voices, moderator])


SPEC = AgentSpec(
    name="round-robin",
    version=1,
    build=build,
    description="An engineer, an operator and a customer discuss a question in two rounds.",
    max_turns=ROUNDS * len(VOICES) + 1,
)
