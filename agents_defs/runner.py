"""One run of an agent: an order in; deltas, paid calls and a result or a RunFailure out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from agents import RunConfig, ToolApprovalItem, set_tracing_disabled

from agents_defs import identity_patch, transform_patch
from agents_defs.agent_graph import Allowed, Workshop, prepare
from agents_defs.approvals import run_decided
from agents_defs.call_meter import CHARS_PER_TOKEN
from agents_defs.delta_feed import DeltaFeed
from agents_defs.flow import Flow
from agents_defs.flow_run import told
from agents_defs.graph_pool import GraphPools
from agents_defs.guardrails.placing import withheld
from agents_defs.memory.history import with_calls
from agents_defs.memory.process_facts import OF_THIS_PROCESS
from agents_defs.questions import Question, Reply
from agents_defs.recovery import Recovery
from agents_defs.redaction.run_redaction import begun, kept_items
from agents_defs.registry import UnknownAgent
from agents_defs.run_context import RunContext
from agents_defs.run_journal import RunStopped
from agents_defs.run_order import ALL_TOOLS, Foreseen, RunResult, SlowNotice, ToolLists
from agents_defs.run_scope import SCOPE, LiveRun, RunScope
from agents_defs.sdk_failures import failure_of
from agents_defs.session_fit import fit
from agents_defs.spec_rules import BadRegistration
from agents_defs.tool_output import value_of
from schemas.failures import Code, RunFailure

if TYPE_CHECKING:
    from agents import Agent
    from agents.result import RunResult as SdkResult

    from agents_defs.agent_spec import AgentSpec
    from agents_defs.mcp.connections import McpServers
    from agents_defs.memory.facts import FactStore
    from agents_defs.metered_model import MeteredModel
    from agents_defs.model_provider import ModelAccess, NamedModel
    from agents_defs.registry import Registry
    from agents_defs.run_order import RunListener, RunOrder

MAX_IDLE_GRAPHS = 1000
"""For each agent: as many as may be in flight by default, so that a steady load builds none."""


class AgentRunner:
    """Runs agents through the OpenAI Agents SDK, each run on a graph of its own."""

    def __init__(
        self,
        registry: Registry,
        models: ModelAccess,
        *,
        now: Callable[[], float] | None = None,  # monotonic seconds; None: the event loop's
        max_idle_graphs: int = MAX_IDLE_GRAPHS,
        recovery: Recovery | None = None,
        facts: FactStore = OF_THIS_PROCESS,
    ) -> None:
        self._registry = registry
        self._workshop = Workshop(models)
        self._now = now
        self._recovery = recovery or Recovery()
        self._facts = facts
        self._pools = GraphPools(self._workshop, max_idle_graphs)
        self._config = RunConfig(tracing_disabled=True)
        set_tracing_disabled(True)
        identity_patch.apply()
        transform_patch.apply()

    @property
    def servers(self) -> McpServers:
        """Where the deployment's MCP servers are added before anything is built."""
        return self._workshop.servers

    def warm_up(self) -> None:
        """Builds each registered agent, so that a broken one is found before it gets requests."""
        for spec in self._registry.specs():
            try:
                self._pools.pool(spec, None)
            except Exception as error:  # it is others' code
                where = self._registry.origin(spec) or "its file"
                said = error if isinstance(error, BadRegistration) else f"{type(error).__name__}: {error}"
                raise BadRegistration(f"{where}: {spec.reference} cannot be built: {said}") from error

    def foresee(
        self,
        spec: AgentSpec,
        model: str | None,
        characters: int,
        max_output_tokens: int | None,
        lists: ToolLists = ALL_TOOLS,
    ) -> Foreseen:
        """What the first model call of a run may use, before the run is there."""
        try:
            pool = self._pools.pool(spec, model, Allowed.by(lists.tools, lists.mcp_servers))
            characters += pool.told
        except Exception:  # noqa: BLE001  the run will say what is wrong with it
            return Foreseen(
                characters // CHARS_PER_TOKEN + 1 + (max_output_tokens or spec.output_tokens), None
            )
        graph = pool.take()
        pool.give(graph)
        own = graph.model_settings.max_tokens
        most = [bound for bound in (own, max_output_tokens) if bound is not None]
        metered = cast("MeteredModel", graph.model)
        return metered.foreseen(characters, min(most) if most else spec.output_tokens)

    def meant(self, spec: AgentSpec, model: str | None) -> str:
        """The model that a run asks first; "" where only the run can say what is wrong with its agent."""
        if model is not None:
            return model
        try:
            pool = self._pools.pool(spec, None)
            graph = pool.take()
        except Exception:  # noqa: BLE001  the run will say it
            return ""
        pool.give(graph)
        named: NamedModel | None = getattr(getattr(graph, "model", None), "named", None)
        return (named or self._workshop.models.tier(spec.model_tier)).name

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        """Does one run. Raises RunFailure, RunStopped and asyncio.CancelledError, nothing else."""
        if order.timeout_s <= 0:
            raise RunFailure(Code.MODEL_TIMEOUT, "no time was left for the run")
        try:
            allowed = Allowed.by(order.tools, order.mcp_servers)
            pool = self._pools.pool(order.spec, order.model, allowed)
            graph = pool.take()
            live = self._live(order, listener, allowed)
        except Exception as error:
            raise failure_of(error) from error
        result = await self._within_time(live, graph)
        result.new_items = kept_items(live, result.new_items)
        pool.give(graph)  # after any failure it is dropped: what was cut off may still be using it
        return result

    async def _within_time(self, live: LiveRun, graph: Agent[Any]) -> RunResult:
        order, loop = live.order, asyncio.get_running_loop()
        scope = RunScope(live)
        warning = loop.call_later(order.spec.warn_after_s, _warn, live, graph.name)
        token = SCOPE.set(scope)
        limit = asyncio.timeout(order.timeout_s)
        try:
            async with limit:
                if order.spec.memory.token_budget is not None:
                    return await self._fitted(scope, graph)
                return await self._run(scope, graph)
        except Exception as error:  # noqa: BLE001  whatever the SDK raises is translated
            found = _ended(live, error, limit.expired())
            raise found from found.__cause__
        finally:
            SCOPE.reset(token)
            warning.cancel()

    async def _fitted(self, scope: RunScope, graph: Agent[Any]) -> RunResult:
        order = scope.run.order
        kept = await fit(scope, _input_items(order), _context(order))
        result = await self._run(scope, graph)
        if kept:
            result.new_items, result.anew = [*kept, *result.new_items], True
        return result

    async def _run(self, scope: RunScope, graph: Agent[Any]) -> RunResult:
        live, order = scope.run, scope.run.order
        if isinstance(graph, Flow):
            return await self._flow(scope, graph)
        asked = _input_items(order)
        # A list is copied deeply by the SDK, several times. The types of its items are those of the API.
        plain = isinstance(order.input, str) and not order.session_items
        items: Any = order.input if plain else [*order.session_items, *asked]
        ended = await run_decided(
            scope, graph, items, self._config, context=_context(order), max_turns=_turns_allowed(order)
        )
        found = Ended(ended.final_output, ended.last_agent.name, scope.ordinal, [*asked, *_said(ended)])
        return await _result(live, found)

    async def _flow(self, scope: RunScope, flow: Flow) -> RunResult:
        live, order = scope.run, scope.run.order
        live.turns_allowed = _turns_allowed(order)
        output, last_agent = await flow.carried_out(scope, _context(order))
        answer = {"role": "assistant", "content": told(value_of(output))}
        return await _result(live, Ended(output, last_agent, live.turns, [*_input_items(order), answer]))

    def _live(self, order: RunOrder, listener: RunListener, allowed: Allowed) -> LiveRun:
        order, redaction = begun(order)
        if order.session_items:
            order = replace(order, session_items=with_calls(order.session_items))
        return LiveRun(
            order=order,
            listener=listener,
            now=self._now or asyncio.get_running_loop().time,
            feed=_feed(order, listener),
            prepare=lambda agent: prepare(agent, order.spec, self._workshop, order.model, allowed),
            recovery=self._recovery,
            ends=asyncio.get_running_loop().time() + order.timeout_s,
            facts=self._facts,
            redaction=redaction,
            ask_here=partial(self._asked_here, order, listener) if order.journal is None else None,
        )

    async def _asked_here(self, order: RunOrder, listener: RunListener, question: Question) -> Reply:
        """Where nothing is recorded no record is written either: the other agent runs as a part of this."""
        try:
            spec = self._registry.resolve(question.agent)
            asked = replace(
                order,
                run_id=f"{order.run_id}/{question.call}",
                spec=spec,
                input=question.input,
                session_items=(),
                paid=(),
                stream=False,
                model=None,
                max_turns=None,
                lineage=(*order.lineage, order.spec.name),
            )
            result = await self.run(asked, listener)
        except UnknownAgent as error:
            return Reply("refused", None, Code.UNKNOWN_AGENT, str(error))
        except RunFailure as failure:
            return Reply("failed", None, failure.code, failure.message)
        cost = sum((call.cost_usd for call in result.calls if call.cost_usd), Decimal(0))
        return Reply("completed", result.output, cost_usd=cost)


@dataclass(frozen=True, slots=True)
class Ended:
    """What an agent or a flow came to."""

    output: Any
    last_agent: str
    turns: int
    new_items: list[dict[str, Any]]


async def _result(live: LiveRun, ended: Ended) -> RunResult:
    """The run's, once all that it wrote is durable."""
    live.record.check()
    await live.record.settle()
    output = ended.output if isinstance(ended.output, str) else value_of(ended.output)
    if live.feed is not None:
        live.feed.finished(output)
    return RunResult(
        output=output,
        last_agent=ended.last_agent,
        turns=ended.turns,
        models=tuple(dict.fromkeys(call.model for call in live.calls)),
        new_items=ended.new_items,
        calls=tuple(live.calls),
        degraded=live.degraded,
    )


def _ended(live: LiveRun, error: Exception, timed_out: bool) -> Exception:
    """What to raise: why the run was stopped, whatever came of that, else the failure."""
    stopped = live.record.stopped
    if isinstance(stopped, RunStopped):
        return stopped
    if stopped is not None:
        error = stopped
    elif isinstance(error, TimeoutError) and timed_out:
        return RunFailure(Code.MODEL_TIMEOUT, f"the run did not end within {live.order.timeout_s:g} s")
    return failure_of(error)


def _input_items(order: RunOrder) -> list[dict[str, Any]]:
    if isinstance(order.input, str):
        return [{"role": "user", "content": order.input}]
    return list(order.input)


def _said(ended: SdkResult) -> list[dict[str, Any]]:
    """Without the marks of approvals, which say nothing to a model."""
    return [dict(item.to_input_item()) for item in ended.new_items if not isinstance(item, ToolApprovalItem)]


def _feed(order: RunOrder, listener: RunListener) -> DeltaFeed | None:
    if not order.stream:
        return None
    return DeltaFeed(listener, order.turns_out, withhold=withheld(order.spec.guardrails))


def _turns_allowed(order: RunOrder) -> int:
    return order.spec.max_turns if order.max_turns is None else min(order.max_turns, order.spec.max_turns)


def _context(order: RunOrder) -> RunContext:
    return RunContext(
        run_id=order.run_id,
        request_id=order.request_id,
        tenant_id=order.tenant_id,
        user_id=order.user_id,
        agent=order.spec.reference,
        attempt=order.attempt,
        metadata=order.metadata,
    )


def _warn(live: LiveRun, agent: str) -> None:
    live.listener.on_slow(SlowNotice("run", agent, live.order.spec.warn_after_s))
