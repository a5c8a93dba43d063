"""Examines one agent's definition without a network: what `penstock agents check` says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from agents import Agent
from agents._run_state_agent_identity import _iter_agent_graph as reachable_agents

from agents_defs.authoring import definition_rules as rules
from agents_defs.authoring.drawing import draw
from agents_defs.authoring.finding import Finding, Level, Place, place_of
from agents_defs.authoring.own_code import OwnCode
from agents_defs.authoring.rehearsal import Trap, rehearsed
from agents_defs.authoring.source_scan import Sighting, scan
from agents_defs.authoring.unrecorded import Part, parts_of
from agents_defs.run_order import RunOrder
from agents_defs.tool_kinds import misplaced

if TYPE_CHECKING:
    from agents_defs.agent_spec import AgentSpec


def examine(spec: AgentSpec) -> list[Finding]:
    """All findings, each once; of a clock the first that was found at its line."""
    return list(dict.fromkeys(_Examiner(spec).findings()))


class _Examiner:
    def __init__(self, spec: AgentSpec) -> None:
        self._spec = spec
        self._place = place_of(spec.build)
        self._own = OwnCode.of(spec.build)
        self._trap = Trap(self._own)
        self._sighted_at: set[Place] = set()

    def findings(self) -> Iterator[Finding]:
        """In the order in which one would mend them."""
        try:
            with self._trap.set_up():
                first, second = self._spec.build(), self._spec.build()
        except Exception as error:  # noqa: BLE001  agents are others' code, and may fail in any way
            yield self._unbuilt(error)
            return
        if not isinstance(first, Agent):
            yield self._finding(f"build() returned {type(first).__name__}", "return an Agent")
            return
        agents = list(reachable_agents(first))
        yield from self._built_twice(agents, first, second)
        for agent in agents:
            yield from self._of_agent(agent)
        for what, instead in rules.wrong_answers(self._spec, agents):
            yield self._finding(what, instead)
        for ring in rules.cycles(agents):
            yield self._finding(f"hand-offs may come back: {ring}", "max_turns ends it", level="note")
        parts = list(parts_of(self._spec.build, agents))
        yield from self._clocks(parts)
        yield from self._rehearsals(agents)

    def _unbuilt(self, error: Exception) -> Finding:
        if isinstance(error, FileNotFoundError) and error.filename:
            return self._finding(f"{error.filename} is missing", "write there what the agent is told")
        said = " ".join(str(error).split())
        return self._finding(
            f"build() failed: {type(error).__name__}: {said}", "it has to work without a run"
        )

    def _built_twice(self, agents: list[Agent[Any]], first: Agent[Any], second: Any) -> Iterator[Finding]:
        others = list(reachable_agents(second)) if isinstance(second, Agent) else []
        for agent in agents:
            if any(agent is other for other in others):
                yield self._finding(
                    f"build() returned the agent {agent.name!r} a second time",
                    "make every agent inside of build(), so that runs do not share them",
                )
        if others and draw(first) != draw(second):
            yield self._finding(
                "build() makes something else the second time", "a replay needs the same agents again"
            )

    def _of_agent(self, agent: Agent[Any]) -> Iterator[Finding]:
        if (silent := rules.unspoken(agent)) is not None:
            yield self._finding(*silent)
        for what, instead in (
            *rules.wrong_names(agent),
            *rules.wrong_approvals(agent),
            *misplaced(agent, self._spec),
        ):
            yield self._finding(what, instead)
        for what, instead, tool in rules.wrong_schemas(agent):
            yield self._finding(what, instead, place=self._first_own(tool.on_invoke_tool))

    def _clocks(self, parts: list[Part]) -> Iterator[Finding]:
        for part in parts:
            for function in self._own.functions_in(part.call):
                found = scan(function, self._own, within=part.whole)
                # What a tool asks another agent is compared turn by turn, so there the time tells.
                if not part.recorded or found.asks:
                    yield from self._sighted(found.sightings, part.role)

    def _rehearsals(self, agents: list[Agent[Any]]) -> Iterator[Finding]:
        for agent in agents:
            told: Any = agent.instructions
            if not callable(told):
                continue
            role = f"the instructions of the agent {agent.name!r}"
            try:
                first, second = rehearsed(told, agent, _an_order(self._spec), self._trap)
            except Exception as error:  # noqa: BLE001  as above
                said = f"{role} could not be tried: {type(error).__name__}: {' '.join(str(error).split())}"
                yield self._finding(said, "they may need what a request brings", place_of(told), level="note")
                continue
            if first != second:
                instead = "take time and chance from agents_defs.determinism"
                yield self._finding(f"{role} say something else the second time", instead, place_of(told))
        yield from self._sighted(self._trap.caught.values(), "build() or the instructions")

    def _first_own(self, call: Callable[..., Any]) -> Place | None:
        return next((place_of(function) for function in self._own.functions_in(call)), None)

    def _sighted(self, sightings: Iterable[Sighting], role: str) -> Iterator[Finding]:
        for sighting in sightings:
            if sighting.place not in self._sighted_at:
                self._sighted_at.add(sighting.place)
                what = f"{sighting.what} in {role}, which nothing records"
                yield self._finding(what, sighting.instead, sighting.place)

    def _finding(
        self, what: str, instead: str, place: Place | None = None, level: Level = "error"
    ) -> Finding:
        return Finding(self._spec.reference, place or self._place, what, instead, level)


def _an_order(spec: AgentSpec) -> RunOrder:
    return RunOrder(
        run_id="check",
        tenant_id="check",
        request_id="check",
        spec=spec,
        input="Hello",
        timeout_s=spec.timeout_s,
    )
