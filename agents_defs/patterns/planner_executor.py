"""The pattern `planner-executor`: a typed plan, carried out step by step, planned anew where a step fails."""

from __future__ import annotations

from agents import Agent
from pydantic import BaseModel, Field

from agents_defs.agent_spec import AgentSpec
from agents_defs.flow import Flow
from agents_defs.flow_run import FlowRun
from agents_defs.run_context import RunContext
from agents_defs.text_files import instructions
from agents_defs.tools.knowledge import search_knowledge_base
from agents_defs.tools.orders import list_orders, lookup_order, refund_status

MOST_STEPS = 4
MOST_PLANS = 2
"""The first, and one after a step that failed."""


class Step(BaseModel):
    """One thing to do."""

    task: str = Field(description="What to look up, with all numbers that it needs.")


class Plan(BaseModel):
    """What to do, in this order."""

    steps: list[Step] = Field(min_length=1, max_length=MOST_STEPS)


class Done(BaseModel):
    """What came of one step."""

    ok: bool = Field(description="Whether the step gave what it was to give.")
    result: str = Field(description="What was found, or why not.")


async def carry_out(run: FlowRun, question: str) -> str:
    notes: list[str] = []
    for _ in range(MOST_PLANS):
        plan: Plan = await run.ask("planner", with_notes(question, notes))
        if await all_done(run, plan, notes):
            break
    return str(await run.ask("writer", with_notes(question, notes), aloud=True))


async def all_done(run: FlowRun, plan: Plan, notes: list[str]) -> bool:
    """Whether every step worked; after one that did not, the rest of the plan is worth nothing."""
    for step in plan.steps[:MOST_STEPS]:
        done: Done = await run.ask("executor", step.task)
        notes.append(f"- {step.task} ({'done' if done.ok else 'failed'}): {done.result}")
        if not done.ok:
            return False
    return True


def with_notes(question: str, notes: list[str]) -> str:
    return "\n".join([question, "", "What was done so far:", *notes]) if notes else question


def build() -> Flow:
    executor = Agent[RunContext](
        name="executor",
        instructions=instructions(__file__, "execute"),
        tools=[lookup_order, list_orders, refund_status, search_knowledge_base],
        output_type=Done,
    )
    planner = Agent(name="planner", instructions=instructions(__file__), output_type=Plan)
    writer = Agent(name="writer", instructions=instructions(__file__, "write"))
    return Flow("planner-executor", carry_out, [planner, executor, writer])


SPEC = AgentSpec(
    name="planner-executor",
    version=1,
    build=build,
    description="Plans what to look up, does it step by step, and plans anew where a step fails.",
    timeout_s=180.0,
    max_turns=24,
)
