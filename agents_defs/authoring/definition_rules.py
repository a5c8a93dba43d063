"""What an agent's definition must keep to, as far as that shows without running it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agents import (
    Agent,
    AgentOutputSchema,
    AgentOutputSchemaBase,
    FunctionTool,
    Handoff,
    UserError,
    handoff,
)
from agents.strict_schema import ensure_strict_json_schema

if TYPE_CHECKING:
    from agents_defs.agent_spec import AgentSpec

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def names_of(agent: Agent[Any]) -> list[tuple[str, str]]:
    """Each name that a model may call, with what stands behind it."""
    tools = [(tool.name, f"the tool {tool.name!r}") for tool in agent.tools]
    onward = [one if isinstance(one, Handoff) else handoff(one) for one in agent.handoffs]
    return [*tools, *((one.tool_name, f"the hand-off to {one.agent_name!r}") for one in onward)]


def wrong_names(agent: Agent[Any]) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to do."""
    seen: dict[str, str] = {}
    for name, what in [] if _asks_no_model(agent) else names_of(agent):
        if not NAME.fullmatch(name):
            yield (
                f"{what} of {agent.name!r} has a name that models' APIs refuse",
                "letters, digits, _ and - only, at most 64: set name_override or tool_name_override",
            )
        if name in seen:
            yield f"{agent.name!r} has two that are called {name!r}: {seen[name]} and {what}", "rename one"
        seen[name] = what


def wrong_schemas(agent: Agent[Any]) -> Iterator[tuple[str, str, FunctionTool]]:
    """Tools that a model may call with arguments that do not fit."""
    for tool in agent.tools:
        if not isinstance(tool, FunctionTool):
            continue
        schema = tool.params_json_schema
        try:
            strict = tool.strict_json_schema and ensure_strict_json_schema(copy.deepcopy(schema)) == schema
        except (UserError, ValueError, TypeError):
            strict = False
        if not strict or schema.get("type") != "object":
            told = f"the schema of the tool {tool.name!r} is not strict, so models may send what does not fit"
            yield told, "name the fields (a pydantic model instead of dict), and leave strict_mode on", tool


def unspoken(agent: Agent[Any]) -> tuple[str, str] | None:
    """An agent that is told nothing."""
    told = agent.instructions
    if _asks_no_model(agent) or callable(told) or agent.prompt is not None or (told and told.strip()):
        return None
    return f"the agent {agent.name!r} is told nothing", "write instructions, in the Markdown beside its file"


def wrong_approvals(agent: Agent[Any]) -> Iterator[tuple[str, str]]:
    """Tools of the provider that wait for an approval which nobody can give."""
    for tool in agent.tools:
        asks = getattr(tool, "needs_approval", False)
        config = getattr(tool, "tool_config", None)
        if isinstance(config, dict):
            asks = asks or config.get("require_approval", "always") != "never"
        if asks and not isinstance(tool, FunctionTool):
            yield f"the tool {tool.name!r} needs an approval", "only function tools can be approved"


def wrong_answers(spec: AgentSpec, agents: list[Agent[Any]]) -> Iterator[tuple[str, str]]:
    """A canned answer, or a type of output, that does not fit."""
    untyped = all(agent.output_type is None and not _asks_no_model(agent) for agent in agents)
    if spec.output_type is not None and untyped:
        yield "the spec has an output_type and none of its agents has one", "give the agent output_type, too"
    for agent in agents:
        try:
            schema = _output_schema(agent)
        except (UserError, ValueError, TypeError) as error:
            yield f"the output type of {agent.name!r} has no strict schema", " ".join(str(error).split())
        else:
            if agent is agents[0] and schema is not None and not _fits(schema, spec.canned_answer):
                yield f"the canned answer is no {schema.name()}", "write it as JSON of the output type"


def _output_schema(agent: Agent[Any]) -> AgentOutputSchemaBase | None:
    kind = agent.output_type
    return kind if kind is None or isinstance(kind, AgentOutputSchemaBase) else AgentOutputSchema(kind)


def _fits(schema: AgentOutputSchemaBase, canned: str | None) -> bool:
    try:
        return canned is None or schema.validate_json(canned) is not None
    except Exception:  # noqa: BLE001  of whatever kind: it does not fit
        return False


def cycles(agents: list[Agent[Any]]) -> list[str]:
    """Ways on which a run can come back to an agent that it left."""
    onward = {agent.name: [_target(one) for one in agent.handoffs] for agent in agents}
    rings: list[str] = []
    done: set[str] = set()

    def walk(path: list[str]) -> None:
        for name in onward.get(path[-1], ()):
            if name in path:
                rings.append(" -> ".join([*path[path.index(name) :], name]))
            elif name not in done:
                walk([*path, name])
        done.add(path[-1])

    if agents:
        walk([agents[0].name])
    return rings


def _target(onward: Any) -> str:
    return str(getattr(onward, "agent_name", None) or getattr(onward, "name", ""))


def _asks_no_model(agent: Agent[Any]) -> bool:
    """A flow: it looks like an agent, and only asks others."""
    return callable(getattr(agent, "steps", None))
