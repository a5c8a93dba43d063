"""The pattern `hierarchy`: a manager divides the work, workers do it at once, the manager reports."""

from __future__ import annotations

from typing import Literal

from agents import Agent
from pydantic import BaseModel, Field

from agents_defs.agent_spec import AgentSpec
from agents_defs.flow import Flow
from agents_defs.flow_run import FlowRun
from agents_defs.run_context import RunContext
from agents_defs.text_files import instructions
from agents_defs.tools.knowledge import search_documents, search_knowledge_base
from agents_defs.tools.orders import list_orders, lookup_order

MOST_ASSIGNMENTS = 4


class Assignment(BaseModel):
    """One worker's part of the work."""

    worker: Literal["orders", "devices", "documents"] = Field(description="Who does it.")
    task: str = Field(description="What is to be found out, in words that can be understood by themselves.")


class Assignments(BaseModel):
    """How the manager divides the work."""

    parts: list[Assignment] = Field(max_length=MOST_ASSIGNMENTS)


async def hierarchy(run: FlowRun, question: str) -> str:
    divided: Assignments = await run.ask("manager", question)
    parts = divided.parts[:MOST_ASSIGNMENTS]
    found = await run.ask_all((part.worker, part.task) for part in parts)
    reports = "\n".join(f"- From {part.worker}: {report}" for part, report in zip(parts, found, strict=True))
    return str(await run.ask("reporter", f"{question}\n\nThe workers report:\n{reports}", aloud=True))


def build() -> Flow:
    return Flow(
        "hierarchy",
        hierarchy,
        [
            Agent(name="manager", instructions=instructions(__file__), output_type=Assignments),
            worker("orders", [lookup_order, list_orders]),
            worker("devices", [search_knowledge_base]),
            worker("documents", [search_documents]),
            Agent(name="reporter", instructions=instructions(__file__, "report")),
        ],
    )


def worker(name: str, tools: list[object]) -> Agent[RunContext]:
    return Agent[RunContext](name=name, instructions=instructions(__file__, "work"), tools=tools)  # type: ignore[arg-type]  # tools of several kinds


SPEC = AgentSpec(
    name="hierarchy",
    version=1,
    build=build,
    description="A manager divides a question among workers for orders, devices and documents.",
    max_turns=16,
)
