"""A tool by which an agent sends a request to another agent, as a record, and waits for its response.

The waiting run is parked: it holds no slot and survives whatever crashes. The other agent's run is a request
of its own: metered, limited and answered on the responses topic like any other.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

from agents import FunctionTool, ModelBehaviorError
from agents.tool_context import ToolContext
from pydantic import BaseModel, ValidationError

from agents_defs.questions import UNTOLD, Question, Reply, RunAwaitsReplies
from agents_defs.run_scope import SCOPE

if TYPE_CHECKING:
    from agents_defs.run_order import RunOrder
    from agents_defs.run_scope import RunScope

LONGEST = 64 * 1024
"""Characters of a question: it is parked with the run, and stands in a record of its own."""


class Wanted(BaseModel):
    """The tool's arguments."""

    question: str
    agent: str = ""  # where there is only one to be asked, the tool is named for it


def ask_agent(*agents: str, name: str | None = None, description: str | None = None) -> FunctionTool:
    """A tool that may ask these registered agents, by name or pinned (`research@1`).

    One agent makes a tool `ask_<agent>`; of several the model names one.
    """
    if not agents:
        raise ValueError("ask_agent() needs the names of the agents that may be asked")
    only = agents[0] if len(agents) == 1 else None
    called = name or (f"ask_{_plain(only)}" if only is not None else "ask_agent")

    async def invoked(_context: ToolContext[Any], arguments: str) -> str:
        try:
            wanted = Wanted.model_validate_json(arguments)
        except ValidationError as error:
            raise ModelBehaviorError(f"arguments of {called} that do not fit: {error}") from error
        return await _asked(wanted if only is None else wanted.model_copy(update={"agent": only}), agents)

    told = description or f"Asks another agent and waits for its answer: {', '.join(agents)}."
    return FunctionTool(called, told, _schema(agents), invoked, strict_json_schema=True)


def _plain(agent: str) -> str:
    """As it may stand in a tool's name."""
    return re.sub(r"\W", "_", agent.partition("@")[0])


def _schema(agents: tuple[str, ...]) -> dict[str, Any]:
    question = {"type": "string", "description": "All that the other agent needs to know to answer."}
    properties: dict[str, Any] = {"question": question}
    if len(agents) > 1:
        properties["agent"] = {"type": "string", "enum": list(agents), "description": "Who is asked."}
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


async def _asked(wanted: Wanted, agents: tuple[str, ...]) -> str:
    scope = SCOPE.get()
    if scope is None:
        return "Nobody can be asked here: this runs outside of Penstock."
    run, order = scope.run, scope.run.order
    question = Question(scope.path, wanted.agent, wanted.question)
    reply = order.replies.get((question.call, question.digest)) or order.replies.get((question.call, UNTOLD))
    if reply is not None:
        return _told(wanted.agent, reply)
    refusal = _refusal(wanted, agents, order)
    if refusal is not None:
        return refusal
    if run.ask_here is not None:
        here = await run.ask_here(question)
        run.spent_usd += here.cost_usd
        return _told(wanted.agent, here)
    run.questions[question.call] = question
    await asyncio.sleep(0)  # tools that were called beside this one ask, too, before the run stops
    raise _stop(scope)


def _stop(scope: RunScope) -> Exception:
    run = scope.run
    cap = run.order.cost_cap
    left = None if cap is None else max(cap - run.spent_usd, cap * 0)
    return run.record.stop(RunAwaitsReplies(run.questions, left))


def _refusal(wanted: Wanted, agents: tuple[str, ...], order: RunOrder) -> str | None:
    """Why this is not asked; the model is told so."""
    if wanted.agent not in agents:
        return f"There is no agent {wanted.agent!r} to ask. There are: {', '.join(agents)}."
    if len(wanted.question) > LONGEST:
        return f"The question is too long: {len(wanted.question)} characters of at most {LONGEST}."
    above = (*order.lineage, order.spec.name)
    asked = wanted.agent.partition("@")[0]
    if asked in above:
        circle = " -> ".join((*above, asked))
        return f"{asked} is not asked: it waits for this very answer itself ({circle})."
    if len(above) > order.deepest:
        return f"Nobody further is asked: {len(above)} agents wait for each other already."
    return None


def _told(agent: str, reply: Reply) -> str:
    if reply.status == "completed":
        return reply.output if isinstance(reply.output, str) else json.dumps(reply.output, ensure_ascii=False)
    why = f"{reply.code or reply.status}: {reply.message}" if reply.message else reply.code or reply.status
    return f"{agent} gave no answer ({why})."
