"""Each pattern, cut off after any of its writes, goes on without asking or doing anything twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from agents import Agent, FunctionTool, Handoff, Model
from agents._run_state_agent_identity import _iter_agent_graph

from agents_defs.agent_spec import AgentSpec
from agents_defs.discovery import modules_of
from agents_defs.journal_entries import CALL, MODEL, TOOL, calls_of, place_of
from agents_defs.memory.process_facts import ProcessFacts
from agents_defs.model_access import FixedAccess
from agents_defs.model_request import CALL_ID_HEADER
from agents_defs.offline_model import OfflineModel
from agents_defs.recovery import Recovery
from agents_defs.registry import Registry, default_registry
from agents_defs.run_journal import Decision, RunLost, RunNeedsApproval
from agents_defs.run_order import RunResult
from agents_defs.run_scope import SCOPE
from agents_defs.runner import AgentRunner
from app.demo.patterns import EXAMPLES
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for

REGISTRY = default_registry(patterns=True)
NAMES = sorted(set(EXAMPLES) - {"ask-agent"})  # what others do for it are requests: tests/topology
patterns = pytest.mark.parametrize("name", NAMES)
streams = pytest.mark.parametrize("stream", [False, True])
CALLS_AT_LEAST = {
    "agents-as-tools": 4,
    "approval": 2,
    "critic-loop": 4,
    "debate": 5,
    "handoffs": 3,
    "hierarchy": 8,
    "language-router": 3,
    "memory": 2,
    "pipeline": 8,
    "planner-executor": 6,
    "round-robin": 7,
    "single-agent": 2,
    "voting": 3,
}
"""A pattern that the offline model answers at once would show nothing here."""


class Counted(Model):
    """The offline model; `asked`: the ids of the calls that came in."""

    def __init__(self) -> None:
        self._inner = OfflineModel()
        self.asked: list[str] = []

    def _note(self, settings: Any) -> None:
        self.asked.append(settings.extra_headers[CALL_ID_HEADER])

    async def get_response(self, *positional: Any, **named: Any) -> Any:
        self._note(positional[2])
        return await self._inner.get_response(*positional, **named)

    async def stream_response(self, *positional: Any, **named: Any) -> AsyncIterator[Any]:
        self._note(positional[2])
        async for event in self._inner.stream_response(*positional, **named):
            yield event


def watched(spec: AgentSpec, called: list[str]) -> AgentSpec:
    """The same agent, whose tools note where in the run they are called."""

    def noting(tool: FunctionTool) -> FunctionTool:
        invoke = tool.on_invoke_tool

        async def noted(context: Any, arguments: str) -> Any:
            scope = SCOPE.get()
            assert scope is not None
            called.append(scope.entry(TOOL))
            return await invoke(context, arguments)

        return replace(tool, on_invoke_tool=noted)

    def build() -> Agent[Any]:
        root = spec.build()
        for agent in list(_iter_agent_graph(root)):
            agent.tools = [
                noting(tool) if isinstance(tool, FunctionTool) and not is_agent(tool) else tool
                for tool in agent.tools
            ]
        return root

    return replace(spec, build=build)


def is_agent(tool: Any) -> bool:
    return bool(getattr(tool, "_is_agent_tool", False))


class Played:
    """One attempt at a pattern's example."""

    def __init__(self, name: str, decisions: dict[str, Decision] | None = None) -> None:
        self.name, self.decisions = name, decisions or {}
        self.model, self.recorder, self.called = Counted(), Recorder(), list[str]()
        self.facts = ProcessFacts()

    async def run(self, journal: MemoryJournal | None, attempt: int = 1, **changes: Any) -> RunResult:
        spec, example = watched(REGISTRY.resolve(self.name), self.called), EXAMPLES[self.name]
        runner = AgentRunner(
            Registry(), FixedAccess(self.model, "offline"), recovery=Recovery(), facts=self.facts
        )
        order = order_for(
            spec,
            changes.pop("asked", example.asks),
            user_id="ada",
            metadata=example.metadata,
            journal=journal,
            attempt=attempt,
            decisions=self.decisions,
            paid=calls_of(journal.entries) if journal is not None else (),
            **changes,
        )
        return await runner.run(order, self.recorder)


async def approved(name: str) -> dict[str, Decision]:
    """What people have to say yes to before the example ends."""
    try:
        await Played(name).run(MemoryJournal())
    except RunNeedsApproval as waits:
        return {one.approval_id: Decision(one.approval_id, approved=True) for one in waits.requests}
    return {}


def settled(result: RunResult) -> list[str]:
    return sorted(place_of(call.call_id) for call in result.calls if call.state == "settled")


def test_every_pattern_has_an_example() -> None:
    registered = {spec.name for spec in REGISTRY.specs()} - {spec.name for spec in default_registry().specs()}

    assert registered >= set(NAMES)
    assert (
        len(NAMES) >= len(modules_of("agents_defs.patterns")) - 1
    )  # asking through the stream has none here


@patterns
@streams
async def test_a_pattern_that_is_cut_off_at_any_write_goes_on_from_there(name: str, stream: bool) -> None:
    decisions, whole = await approved(name), MemoryJournal()
    expected = await Played(name, decisions).run(whole, stream=stream)
    assert len(settled(expected)) >= CALLS_AT_LEAST[name]

    for write in range(1, whole.writes + 1):
        journal = MemoryJournal(fail_after=write)
        first = Played(name, decisions)
        with pytest.raises(RunLost):
            await first.run(journal, stream=stream)
        left, second = journal.resumed(), Played(name, decisions)
        second.facts = first.facts
        models = {f"run-1/{entry[len(MODEL) :]}" for entry in left.entries if entry.startswith(MODEL)}
        tools = {entry for entry in left.entries if entry.startswith(TOOL)}

        result = await second.run(left, 2, stream=stream)

        assert result.output == expected.output
        assert result.new_items == expected.new_items
        assert (result.turns, result.last_agent) == (expected.turns, expected.last_agent)
        assert not models & {place_of(call_id) for call_id in second.model.asked}
        assert not tools & set(second.called)
        assert settled(result) == settled(expected)
        assert {entry for entry in left.entries if not entry.startswith(CALL)} == {
            entry for entry in whole.entries if not entry.startswith(CALL)
        }


@patterns
async def test_a_pattern_that_has_ended_is_replayed_without_a_call_or_a_tool(name: str) -> None:
    decisions, journal = await approved(name), MemoryJournal()
    first = await Played(name, decisions).run(journal)
    again = Played(name, decisions)

    second = await again.run(journal.resumed(), 2)

    assert (again.model.asked, again.called) == ([], [])
    assert second.output == first.output


@patterns
async def test_a_reader_of_the_deltas_ends_up_with_the_output(name: str) -> None:
    played = Played(name, await approved(name))

    result = await played.run(MemoryJournal(), stream=True)

    if isinstance(result.output, str):
        assert played.recorder.text_of_last_turn() == result.output


@patterns
def test_a_pattern_builds_all_its_agents_anew(name: str) -> None:
    spec = REGISTRY.resolve(name)

    first, second = spec.build(), spec.build()

    agents = [id(agent) for graph in (first, second) for agent in _iter_agent_graph(graph)]
    assert len(agents) == len(set(agents))
    assert all(isinstance(one, Agent | Handoff) for one in first.handoffs)
