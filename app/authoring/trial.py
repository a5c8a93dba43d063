"""Runs an agent in this terminal, without Kafka: one question, or a conversation."""

import asyncio
import uuid
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import typer

from agents_defs.agent_spec import AgentSpec
from agents_defs.authoring.recorded_run import RecordedRun
from agents_defs.authoring.recording import HasSecret, RecordingAccess
from agents_defs.authoring.trial_journal import TrialJournal
from agents_defs.model_access import ModelAccess, open_models
from agents_defs.registry import Registry
from agents_defs.run_journal import ApprovalRequest, Decision, RunNeedsApproval, RunPostponed
from agents_defs.run_order import ModelCall, RunOrder, RunResult
from agents_defs.runner import AgentRunner
from app.adapters.clock import SystemClock
from app.authoring import asking
from app.authoring.trial_screen import TrialScreen
from app.client.durations import format_ms
from app.settings import Settings
from app.terminal.exits import Exit, Trouble
from app.terminal.screen import one_line
from schemas.failures import RunFailure
from schemas.money import format_usd


@dataclass(frozen=True, slots=True)
class Wishes:
    """How it is tried."""

    tenant: str
    model: str | None = None
    max_cost_usd: Decimal | None = None
    record: Path | None = None  # the file that the run is written to, for tests


class Trial:
    """One agent that is tried."""

    def __init__(
        self, settings: Settings, spec: AgentSpec, wishes: Wishes, models: ModelAccess | None = None
    ) -> None:
        options = settings.models()
        reached = options.api_key or options.base_url or options.endpoints
        if models is None and options.provider == "openai" and not reached:
            raise Trouble("OPENAI_API_KEY is not set: set it, or say --offline")
        opened = models or open_models(options, now=SystemClock.now, at=SystemClock.at)
        self._recording: Final = RecordingAccess(opened, RecordedRun(spec.reference))
        self._models: Final = self._recording if wishes.record else opened
        self._spec: Final = spec
        self._wishes: Final = wishes
        self._asked: set[str] = set()  # models
        self._runner: Final = AgentRunner(Registry([spec]), self._models)
        mcp = settings.mcp()
        self._runner.servers.add(mcp.servers, mcp.resolve)
        self._history: list[dict[str, Any]] = []

    async def hold(self, question: str | None) -> int:
        """The exit code: whether all that was asked was answered."""
        try:
            if question is None:
                code = await self._conversation()
            else:
                code = Exit.OK if await self._answered(question) else Exit.NOT_ALL
            if self._wishes.record:
                self._keep(self._wishes.record, code)
            return code
        finally:
            await self._runner.servers.close()
            await self._models.close()

    async def _conversation(self) -> Exit:
        typer.echo(f"{self._spec.reference} listens; an empty line or Ctrl-D ends it", err=True)
        all_answered = True
        while text := await asking.line("> "):
            all_answered &= await self._answered(text)
        return Exit.OK if all_answered else Exit.NOT_ALL

    async def _answered(self, text: str) -> bool:
        screen, started = TrialScreen(), SystemClock.now()
        try:
            result = await self._run(text, screen)
        except RunFailure as failure:
            screen.note(f"{failure.code}: {failure.message}")
            screen.note(_figures("failed", screen.calls, SystemClock.now() - started))
            return False
        screen.finish(result.output)
        who = f"completed · {self._spec.reference} ({result.last_agent})"
        screen.note(_figures(who, result.calls, SystemClock.now() - started))
        self._history += result.new_items
        self._recording.run.questions.append(text)
        self._asked.update(call.model for call in result.calls)
        return True

    def _keep(self, file: Path, code: int) -> None:
        """The recorded run, of which tests can be made. Trouble where it cannot be one."""
        turns = len(self._recording.run.turns)
        if code != Exit.OK or not turns:
            raise Trouble(f"nothing was recorded in {file}: only runs that are answered are")
        if unheard := self._asked - self._recording.names:
            raise Trouble(
                f"nothing was recorded in {file}: the agent brings a model of its own, "
                f"{', '.join(sorted(unheard))}; let it name one (Agent(model='...')) to record it"
            )
        try:
            text = self._recording.text()
        except HasSecret as error:
            raise Trouble(f"nothing was recorded in {file}: {error}") from None
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Trouble(f"{file} cannot be written: {error}") from error
        calls = f"{turns} model call{'' if turns == 1 else 's'}"
        typer.echo(f"recorded {calls} in {file}: it holds what was asked and answered, no keys", err=True)

    async def _run(self, text: str, screen: TrialScreen) -> RunResult:
        """As many attempts as it takes: after an approval the run comes again, and has its journal."""
        journal, decisions = TrialJournal(), dict[str, Decision]()
        run_id, attempt = f"try-{uuid.uuid4().hex}", 0
        while True:
            attempt += 1
            order = RunOrder(
                run_id=run_id,
                tenant_id=self._wishes.tenant,
                request_id=run_id,
                spec=self._spec,
                input=text,
                timeout_s=self._spec.timeout_s,
                session_items=tuple(self._history),
                stream=True,
                model=self._wishes.model,
                max_cost_usd=self._wishes.max_cost_usd,
                attempt=attempt,
                journal=journal,
                paid=tuple(screen.calls),
                decisions=decisions,
            )
            try:
                return await self._runner.run(order, screen)
            except RunNeedsApproval as waiting:
                for request in waiting.requests:
                    decisions[request.approval_id] = await _decided(request, screen)
            except RunPostponed as later:
                screen.note(f"[{later.failure.message}; it goes on in {format_ms(later.after_s * 1000)}]")
                await asyncio.sleep(later.after_s)


async def _decided(request: ApprovalRequest, screen: TrialScreen) -> Decision:
    screen.note(f"[{request.agent} asks for approval of {request.tool}({request.arguments})]")
    said = await asking.line("approve? [y/N] ")
    approved = (said or "").strip().lower() in {"y", "yes"}
    digest = request.arguments_digest
    return Decision(request.approval_id, approved, actor="you", arguments_digest=digest)


def _figures(how: str, calls: "tuple[ModelCall, ...] | list[ModelCall]", took_s: float) -> str:
    """One line: who answered, what it took."""
    asked, said = sum(call.input_tokens for call in calls), sum(call.output_tokens for call in calls)
    models = ", ".join(dict.fromkeys(call.model for call in calls))
    cost = sum((call.cost_usd for call in calls if call.cost_usd is not None), Decimal(0))
    unpriced = " (and calls of unknown price)" if any(call.cost_usd is None for call in calls) else ""
    turns = f"{len(calls)} model call{'' if len(calls) == 1 else 's'}"
    parts = [how, models, turns, f"{asked} + {said} tokens", f"${format_usd(cost)}{unpriced}"]
    return one_line(" · ".join(part for part in [*parts, format_ms(took_s * 1000)] if part), 400)
