"""Guard: a detector made into a guardrail of the SDK, for inputs, answers, and what tools take and give."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from agents import (
    GuardrailFunctionOutput,
    InputGuardrail,
    OutputGuardrail,
    RunContextWrapper,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolOutputGuardrail,
)

from agents_defs.guardrails.finding import Finding, highest
from agents_defs.guardrails.passage import asked_text, heard_by_run, said_text
from agents_defs.journal_entries import loads

if TYPE_CHECKING:
    from agents import Agent, ToolInputGuardrailData, ToolOutputGuardrailData

Side = Literal["input", "output"]
REFUSED_CALL = "This call was not made: its arguments are not allowed."
REFUSED_RESULT = "The result of this call may not be shown."
LONG = 6_000
"""Characters from which on a text is looked at beside the event loop, so that nobody is held up."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What stands around a text that is judged."""

    context: RunContextWrapper[Any]
    agent: Agent[Any] | None
    sources: Sequence[str] = ()  # what was asked, and what tools told the run


Found = Sequence[Finding]
Check = Callable[[str, Passage], Found | Awaitable[Found]]


@dataclass(frozen=True, slots=True)
class Guard:
    """One detector with its threshold, and where it stands in the guardrails of an AgentSpec."""

    name: str
    check: Check
    side: Side = "input"
    threshold: float = 0.5
    parallel: bool = False  # beside the run, which may have begun to answer or to act when it trips
    reads_sources: bool = False

    def beside(self) -> Guard:
        """The same, beside the run instead of before it."""
        return replace(self, parallel=True)

    def on_input(self) -> InputGuardrail[Any]:
        """For `Agent(input_guardrails=...)`."""
        return input_guardrail_of((self,))

    def on_output(self) -> OutputGuardrail[Any]:
        """For `Agent(output_guardrails=...)`."""
        return output_guardrail_of((self,))

    def on_arguments(self, *, end_run: bool = True) -> ToolInputGuardrail[Any]:
        """For `function_tool(tool_input_guardrails=...)`. Else than with `end_run` the model is told."""

        async def judge(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
            passage = Passage(data.context, data.agent)
            told = [await _verdict((self,), text, passage) for text in _values(data.context.tool_arguments)]
            return _for_tool(told, REFUSED_CALL, end_run)

        return ToolInputGuardrail(judge, name=self.name)

    def on_result(self, *, end_run: bool = True) -> ToolOutputGuardrail[Any]:
        """For `function_tool(tool_output_guardrails=...)`. Else than with `end_run` the model is told."""

        async def judge(data: ToolOutputGuardrailData) -> ToolGuardrailFunctionOutput:
            verdict = await _verdict((self,), said_text(data.output), Passage(data.context, data.agent))
            return _for_tool([verdict], REFUSED_RESULT, end_run)

        return ToolOutputGuardrail(judge, name=self.name)


def input_guardrail_of(guards: Sequence[Guard]) -> InputGuardrail[Any]:
    """Several as one: they share a task and an entry of the journal."""

    async def judge(
        context: RunContextWrapper[Any], agent: Agent[Any], asked: Any
    ) -> GuardrailFunctionOutput:
        verdict = await _verdict(guards, asked_text(asked), Passage(context, agent))
        return GuardrailFunctionOutput(verdict, bool(verdict["tripped"]))

    return InputGuardrail(judge, name=_name(guards), run_in_parallel=guards[0].parallel)


def output_guardrail_of(guards: Sequence[Guard]) -> OutputGuardrail[Any]:
    """The same for answers."""

    async def judge(context: RunContextWrapper[Any], agent: Agent[Any], said: Any) -> GuardrailFunctionOutput:
        verdict = await _verdict(guards, said_text(said), Passage(context, agent, heard_by_run()))
        return GuardrailFunctionOutput(verdict, bool(verdict["tripped"]))

    return OutputGuardrail(judge, name=_name(guards))


def _name(guards: Sequence[Guard]) -> str:
    return guards[0].name if len(guards) == 1 else f"{guards[0].side}_guardrails"


async def _verdict(guards: Iterable[Guard], text: str, passage: Passage) -> dict[str, Any]:
    """What tripped, for operators and for the journal: names, kinds and scores, no word of the text."""
    tripped = []
    for guard in guards:
        found = await _found(guard, text, passage)
        if highest(found) >= guard.threshold:
            kinds = sorted({one.kind for one in found if one.score >= guard.threshold})
            tripped.append({"name": guard.name, "score": highest(found), "kinds": kinds[:10]})
    return {"tripped": tripped}


async def _found(guard: Guard, text: str, passage: Passage) -> Found:
    read = len(text) + (sum(map(len, passage.sources)) if guard.reads_sources else 0)
    if read > LONG and not inspect.iscoroutinefunction(guard.check):
        found = await asyncio.to_thread(guard.check, text, passage)
    else:
        found = guard.check(text, passage)
    return await found if inspect.isawaitable(found) else found


def _for_tool(verdicts: list[dict[str, Any]], message: str, end_run: bool) -> ToolGuardrailFunctionOutput:
    tripped = [one for verdict in verdicts for one in verdict["tripped"]]
    info = {"tripped": tripped}
    if not tripped:
        return ToolGuardrailFunctionOutput.allow(info)
    if end_run:
        return ToolGuardrailFunctionOutput.raise_exception(info)
    return ToolGuardrailFunctionOutput.reject_content(message, info)


def _values(arguments: str) -> list[str]:
    """Each text among the arguments of a call: patterns of one value must not meet those of another."""
    try:
        return list(_texts(loads(arguments.encode("utf-8", "surrogatepass")))) if arguments else []
    except ValueError:
        return [arguments]


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
