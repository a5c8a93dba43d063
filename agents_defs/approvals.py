"""Runs agents whose tools need a person's approval: asks for it, and goes on once all is decided."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from agents import Runner

from agents_defs.journal_entries import MOMENT, loads, moment_bytes, moment_of
from agents_defs.run_journal import ApprovalRequest, RunNeedsApproval
from schemas.canonical import canonical_json
from schemas.failures import Code, RunFailure
from schemas.times import format_at

if TYPE_CHECKING:
    from agents import Agent, RunConfig, RunState
    from agents.items import ToolApprovalItem
    from agents.result import RunResult

    from agents_defs.run_journal import Decision
    from agents_defs.run_scope import RunScope

ID_CHARS = 32


async def run_decided(
    scope: RunScope, graph: Agent[Any], asked: Any, config: RunConfig, *, context: Any, max_turns: int
) -> RunResult:
    """Runs the agent to its end. Raises RunNeedsApproval where somebody has to decide before that."""
    ended = await Runner.run(graph, asked, context=context, max_turns=max_turns, run_config=config)
    while ended.interruptions:
        scope.run.record.check()
        ended = await Runner.run(graph, await _decided(scope, ended), run_config=config)
    return ended


async def _decided(scope: RunScope, ended: RunResult) -> RunState[Any]:
    waiting = [(item, _request(scope, item)) for item in ended.interruptions]
    decisions = [(item, request, _decision(scope, request)) for item, request in waiting]
    open_ones = [request for _, request, decision in decisions if decision is None]
    if open_ones:
        await _ask(scope, open_ones)
    state = ended.to_state()
    for item, _, decision in decisions:
        if decision is None:
            continue
        if decision.approved:
            state.approve(item)
        else:
            state.reject(item, rejection_message=_told_to_the_model(decision))
    return state


def _request(scope: RunScope, item: ToolApprovalItem) -> ApprovalRequest:
    run, raw = scope.run, item.raw_item
    call_id, arguments = getattr(raw, "call_id", None), getattr(raw, "arguments", None)
    tool = item.tool_name
    if not isinstance(call_id, str) or not isinstance(arguments, str) or tool is None:
        told = f"the tool {tool} waits for an approval, which can be given for function tools only"
        raise run.record.stop(RunFailure(Code.TOOL_FAILED, told))
    place = "\n".join((run.order.run_id, scope.path, item.agent.name, call_id))
    return ApprovalRequest(
        approval_id=_hex(place)[:ID_CHARS],
        tool=tool,
        call_id=call_id,
        agent=item.agent.name,
        arguments=arguments,
        arguments_digest=arguments_digest(tool, arguments),
        valid_s=run.order.spec.approval_valid_s,
    )


def arguments_digest(tool: str, arguments: str) -> str:
    """What a person decides about: this tool, with these arguments."""
    try:
        canonical = canonical_json(
            loads(arguments.encode("utf-8", "surrogatepass")) if arguments else {}
        ).decode()
    except ValueError:  # no JSON: the tool will say so
        canonical = arguments
    return _hex(f"{tool}\n{canonical}")


def _decision(scope: RunScope, request: ApprovalRequest) -> Decision | None:
    """None also where it was given for other arguments than the model asks for."""
    found = scope.run.order.decisions.get(request.approval_id)
    if found is None or found.arguments_digest in {None, request.arguments_digest}:
        return found
    return None


async def _ask(scope: RunScope, requests: list[ApprovalRequest]) -> None:
    """Always raises: nobody can decide while the run waits."""
    run = scope.run
    if not run.record.kept:
        waiting = ", ".join(request.tool for request in requests)
        told = f"a tool waits for an approval, which nobody can give here: {waiting}"
        raise run.record.stop(RunFailure(Code.TOOL_FAILED, told))
    for request in requests:
        expires = await _asked_at(scope, request) + timedelta(seconds=request.valid_s)
        data = {
            "approval_id": request.approval_id,
            "tool": request.tool,
            "arguments": _shown(request.arguments),
            "arguments_digest": request.arguments_digest,
            "expires_at": format_at(expires),
        }
        if run.feed is not None:
            run.feed.approval_required(data)
        else:
            run.listener.on_delta("approval_required", data, max(0, scope.ordinal - 1), 0)
    raise run.record.stop(RunNeedsApproval(requests))


async def _asked_at(scope: RunScope, request: ApprovalRequest) -> datetime:
    """When it was asked for first: each attempt tells the same expiry."""
    name = f"{MOMENT}{scope.path}approval:{request.approval_id}"
    raw = scope.run.record.read(name)
    if raw is not None:
        return moment_of(raw)
    moment = scope.run.recovery.at()
    await scope.run.record.write({name: moment_bytes(moment)})
    return moment


def _told_to_the_model(decision: Decision) -> str:
    told = f"{decision.actor or 'A person'} rejected this tool call, so it was not made."
    return f"{told} The reason: {decision.reason}" if decision.reason else told


def _shown(arguments: str) -> Any:
    try:
        return _parsed(arguments)
    except ValueError:
        return arguments


def _parsed(arguments: str) -> Any:
    return loads(arguments.encode("utf-8", "surrogatepass")) if arguments else {}


def _hex(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
