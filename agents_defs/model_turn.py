"""One model turn of a run: answered from the journal, or by the first model of a ladder that can."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from agents import ModelBehaviorError, ModelResponse, Usage
from openai.types.responses import ResponseOutputMessage, ResponseOutputText

from agents_defs import call_time
from agents_defs.call_meter import CallMeter
from agents_defs.journal_entries import CALL, MODEL, ModelEntry, call_bytes, model_bytes, model_entry
from agents_defs.provider_failures import call_failure
from agents_defs.redaction.veil import Veil
from agents_defs.retry_policy import FailedTry, RetryState, after_failure
from agents_defs.run_journal import RunPostponed
from agents_defs.streamed_answer import StreamedAnswer
from schemas.failures import Code, RunFailure

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from agents.items import TResponseStreamEvent

    from agents_defs.agent_spec import AgentSpec
    from agents_defs.call_places import CallPlaces
    from agents_defs.delta_feed import DeltaFeed
    from agents_defs.model_ladder import Rung
    from agents_defs.model_request import ModelRequest, Print
    from agents_defs.provider_failures import CallFailure
    from agents_defs.redaction.spoken import Spoken
    from agents_defs.retry_policy import Next
    from agents_defs.run_scope import RunScope

CANNED = "canned"
"""Stands for the model's name where none has answered."""
PLACE_AGAIN_S = 1.0
"""A run that found no place for its call looks again, later each time."""
SAID = frozenset({"message", "reasoning"})
"""Kinds of output upon which nothing is done but to go on or to end."""


class NoAnswer(Exception):
    """This model did not answer; another one may."""

    def __init__(self, failure: RunFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(slots=True)
class ModelTurn:
    """One question to the models. `events`: where the SDK streams, what it is to be given of the answer."""

    scope: RunScope
    agent: str
    spec: AgentSpec
    ladder: tuple[Rung, ...]
    request: ModelRequest
    events: list[TResponseStreamEvent] | None = None
    place: str = ""
    attempted: int = 0  # calls of this turn, whichever model's
    known: Print | None = None
    spoken: Spoken | None = None  # to whoever watches
    retries: RetryState = field(default_factory=RetryState)
    veil: Veil = field(init=False)

    def __post_init__(self) -> None:
        self.veil = Veil(self.scope.run.redaction, self.request)

    async def answer(self) -> ModelResponse:
        async with self.scope.together():
            return await self._answered()

    async def _answered(self) -> ModelResponse:
        live, scope = self.scope.run, self.scope
        live.record.check()
        turn = scope.ordinal
        self.place = scope.next_place()
        recorded = self._recorded() if live.record.kept else None
        if recorded is not None:
            return self._replayed(recorded)
        if turn and not scope.nested:
            await live.record.turn_ended(turn - 1)
        live.check_cost()
        if self._feed is not None:
            self._feed.turn_started(self.agent)
        return await self._asked()

    @property
    def _feed(self) -> DeltaFeed | None:
        return None if self.scope.nested or self.events is not None else self.scope.run.feed

    @property
    def _print(self) -> Print:
        if self.known is None:
            self.known = self.veil.told(self.request.print_for(self.agent))
        return self.known

    def _recorded(self) -> ModelEntry | None:
        record = self.scope.run.record
        raw = record.read(MODEL + self.place)
        if raw is None:
            self._heed_open_call()
            return None
        entry = model_entry(raw)
        if entry.digest != self._print.digest:
            told = f"the agent {self.agent} asked something else at {self.place} than what is recorded"
            raise record.stop(RunFailure(Code.NONDETERMINISTIC_REPLAY, told))
        return entry

    def _heed_open_call(self) -> None:
        live = self.scope.run
        in_flight = live.record.open_call(f"{live.name}/{self.place}")
        if in_flight is not None and self.spec.on_unknown_call == "fail":
            told = f"the model call {in_flight} was in flight when its worker ended"
            raise live.record.stop(RunFailure(Code.UNKNOWN_CALL, told))

    def _replayed(self, entry: ModelEntry) -> ModelResponse:
        self.scope.run.degraded |= entry.degraded
        response = self.veil.lifted_again(entry)
        if self._feed is not None:
            self._feed.turn_started(self.agent)
            self._feed.whole(_text_of(response))
        return response

    async def _asked(self) -> ModelResponse:
        failure: RunFailure | None = None
        canned = None if self.scope.nested else self.spec.canned_answer
        for number, rung in enumerate(self.ladder):
            last = canned is None and number == len(self.ladder) - 1
            try:
                response = await self._by(rung, first=number == 0, last=last)
            except NoAnswer as none:
                failure = failure or none.failure
            else:
                return response
        if canned is not None:
            return await self._canned(canned)
        raise failure or RunFailure(Code.MODEL_UNAVAILABLE)

    async def _by(self, rung: Rung, *, first: bool, last: bool) -> ModelResponse:
        """The answer of one model, after as many tries as it has. Raises NoAnswer where another may."""
        live, self.retries = self.scope.run, RetryState()
        places = live.recovery.places.get(rung.model.name)
        while True:
            if places is not None:
                await self._take_place(rung, places, last)
            try:
                self._heed_breaker(rung, last)
                found = await self._tried(rung, degraded=not first)
            finally:
                if places is not None:
                    places.give()
            if isinstance(found, ModelResponse):
                return found
            following = self._following(found)
            if following.where == "nowhere" and first:
                raise found.failure
            if following.where == "here":
                await live.recovery.sleep(following.wait_s or 0.0)
            else:
                await self._leave(found, following, last)
            live.record.check()
            live.check_cost()

    async def _take_place(self, rung: Rung, places: CallPlaces, last: bool) -> None:
        """It waits as long as a call may take: then another model is asked, or the run comes back later."""
        live, wait_s = self.scope.run, self.spec.call_timeout_s
        try:
            async with asyncio.timeout(wait_s):
                await places.take(live.order.tenant_id)
        except TimeoutError:
            told = f"{places.most} calls to the model {rung.model.name} are under way, as many as this worker"
            failure = RunFailure(
                Code.MODEL_UNAVAILABLE, f"{told} makes; no place was free within {wait_s:g} s"
            )
            if last and live.record.kept:
                raise live.record.stop(RunPostponed(PLACE_AGAIN_S, failure)) from None
            raise NoAnswer(failure) from None
        try:
            live.record.check()
        except BaseException:
            places.give()
            raise

    def _heed_breaker(self, rung: Rung, last: bool) -> None:
        recovery, record = self.scope.run.recovery, self.scope.run.record
        wait = recovery.breakers.wait_s(rung.model.watched, _time())
        if wait is None:
            return
        failure = RunFailure(
            Code.MODEL_UNAVAILABLE,
            f"model {rung.model.name} is not asked for a while, because most calls to it failed",
            retry_after_ms=int(wait * 1000),
        )
        if last and record.kept:  # spread out, for many runs are told the same
            raise record.stop(RunPostponed(wait * (1 + recovery.rng.random()), failure))
        raise NoAnswer(failure)

    def _following(self, failed: CallFailure) -> Next:
        live, waits_ms = self.scope.run, failed.failure.retry_after_ms
        told = FailedTry(
            retriable=failed.retriable,
            said=self._feed is not None and self._feed.said,
            retry_after_s=None if waits_ms is None else waits_ms / 1000,
            ends=live.ends,
        )
        rules, rng = live.recovery.retries, live.recovery.rng
        self.retries, following = after_failure(rules, self.retries, told, _time(), rng)
        return following

    async def _leave(self, failed: CallFailure, following: Next, last: bool) -> None:
        """No further try here, now: another model, a later attempt or, without a journal, patience."""
        live, wait = self.scope.run, following.wait_s
        said = self._feed is not None and self._feed.said
        if said and not (live.record.kept and following.where == "elsewhere"):
            raise failed.failure  # what a reader was told cannot be taken back
        if wait is None or not (last or said):
            raise NoAnswer(failed.failure)
        if live.record.kept:
            raise live.record.stop(RunPostponed(wait, failed.failure))
        if _time() + wait >= live.ends:
            raise NoAnswer(failed.failure)
        await live.recovery.sleep(wait)

    async def _tried(self, rung: Rung, *, degraded: bool) -> ModelResponse | CallFailure:
        """One call: booked as unknown before it is sent, and as what it was before the run goes on."""
        scope, model, record = self.scope, rung.model, self.scope.run.record
        self.attempted += 1
        meter = CallMeter(scope, model, self.agent, scope.call_id(self.place, self.attempted))
        name = CALL + meter.call_id
        await self._approved(meter)
        await self.veil.look_through(self._print)
        request = self.veil.sendable()
        if record.kept:
            foreseen = call_bytes(meter.foreseen(self._print.characters), still_open=True)
            await record.write({name: foreseen, **self.veil.entries()})
        meter.warn_after(self.spec.warn_after_s)
        answer = StreamedAnswer()
        try:
            async with call_time.within(self.spec.call_timeout_s, scope.run.ends):
                response = await self._sent(request, rung, meter.call_id, answer)
        except Exception as error:  # noqa: BLE001  all of a provider's errors are translated
            whole = answer.response()
            if whole is None:
                return await self._failed(error, rung, meter, answer)
            response = whole  # it is paid; asked again it would be paid twice for how its connection ended
        except BaseException:
            record.left_behind(self._left(rung, meter, answer, degraded))
            scope.run.recovery.breakers.give_up(model.watched)
            raise
        finally:
            meter.ended()
            scope.run.closed(meter.call_id)
        if self.spoken is not None:
            self.spoken.end()
        if self.events is not None and self.veil.drawn:
            self.events.clear()  # they are as the model said them: whoever streams is given the whole
        lifted = self.veil.lifted(response)
        await self._answered_by(rung, meter, response, degraded)
        return lifted

    async def _approved(self, meter: CallMeter) -> None:
        """Raises where the run may not make this call."""
        live = self.scope.run
        if live.order.allowance is None and live.order.cost_cap is None:
            return
        longest = live.bound(self.request.longest_answer)
        foreseen = meter.most(self._print.characters, longest or self.spec.output_tokens)
        await live.approve(meter.call_id, foreseen, bounded=longest is not None)

    async def _answered_by(
        self, rung: Rung, meter: CallMeter, response: ModelResponse, degraded: bool
    ) -> None:
        live = self.scope.run
        live.recovery.breakers.note(rung.model.watched, True, _time())
        told = self._booked(rung, meter, response, degraded)
        if live.record.kept:
            if _is_said_only(response):
                live.record.soon(told)
            else:  # what it calls may act on the world: the answer that called it has to stand
                await live.record.write(told)
        live.degraded |= degraded

    def _booked(
        self, rung: Rung, meter: CallMeter, response: ModelResponse, degraded: bool
    ) -> dict[str, bytes]:
        """A call that was answered, and its answer."""
        usage = response.usage
        if usage.input_tokens or usage.output_tokens or not response.output:
            call = meter.settle(usage)
        else:  # the provider answered but did not count
            call = meter.leave_unknown(self._print.characters, len(str(response.output)))
        answer = ModelEntry(self._print.digest, rung.model.name, degraded, response, self.veil.drawn)
        booked = {MODEL + self.place: model_bytes(answer), CALL + meter.call_id: call_bytes(call)}
        return {**booked, **self.veil.entries()}

    def _left(self, rung: Rung, meter: CallMeter, answer: StreamedAnswer, degraded: bool) -> dict[str, bytes]:
        """Of a call that is cut off with its run. Settled without its answer it would be paid twice."""
        response = answer.response()
        if response is not None:
            return self._booked(rung, meter, response, degraded)
        return {
            CALL + meter.call_id: call_bytes(meter.leave_unknown(self._print.characters, answer.characters))
        }

    async def _sent(
        self, request: ModelRequest, rung: Rung, call_id: str, answer: StreamedAnswer
    ) -> ModelResponse:
        longest = self.scope.run.bound(self.request.longest_answer)
        request = request.under(call_id, rung.defaults, longest)
        inner, feed = rung.model.model, self._feed
        if feed is None and self.events is None:
            return await inner.get_response(*request.positional, **request.named)
        if self.events is not None:
            self.events.clear()
        self.spoken = None if feed is None else self.veil.spoken(feed)
        stream = inner.stream_response(*request.positional, **request.named)
        # A generator, as all implementations have it.
        async with aclosing(cast("AsyncGenerator[TResponseStreamEvent, None]", stream)) as events:
            async for event in events:
                answer.take(event)
                if self.spoken is not None:
                    self.spoken.take(event)
                elif self.events is not None:
                    self.events.append(event)
        response = answer.response()
        if response is None:
            raise ModelBehaviorError("its stream ended before the answer was complete")
        return response

    async def _failed(
        self, error: Exception, rung: Rung, meter: CallMeter, answer: StreamedAnswer
    ) -> CallFailure:
        """Books what a failed call may cost. The failure has no cause that may hold a key."""
        live, model, name = self.scope.run, rung.model, CALL + meter.call_id
        found = call_failure(error, model.name, (*model.secrets, *live.secrets))
        if isinstance(error, TimeoutError):
            waited = f"model {model.name} did not answer within {self.spec.call_timeout_s:g} s"
            found = found.told_as(RunFailure(Code.MODEL_TIMEOUT, waited))
        if found.retriable and not found.throttled:
            live.recovery.breakers.note(model.watched, False, _time())
        else:
            live.recovery.breakers.give_up(model.watched)
        paid = found.maybe_paid or answer.usage is not None
        booked = self._cut(meter, answer) if paid else None
        await live.record.write({name: booked})
        return found

    def _cut(self, meter: CallMeter, answer: StreamedAnswer) -> bytes:
        if answer.usage is not None:
            call = meter.settle(answer.usage)
        else:
            call = meter.leave_unknown(self._print.characters, answer.characters)
        return call_bytes(call)

    async def _canned(self, text: str) -> ModelResponse:
        live = self.scope.run
        message = ResponseOutputMessage(
            id=f"{CANNED}-{self.place}",
            type="message",
            role="assistant",
            status="completed",
            content=[ResponseOutputText(type="output_text", text=text, annotations=[])],
        )
        response = ModelResponse(output=[message], usage=Usage(), response_id=None)
        if live.record.kept:
            entry = model_bytes(ModelEntry(self._print.digest, CANNED, True, response))
            await live.record.write({MODEL + self.place: entry})
        live.degraded = True
        if self._feed is not None:
            self._feed.whole(text)
        return response


def _is_said_only(response: ModelResponse) -> bool:
    return all(item.type in SAID for item in response.output)


def _time() -> float:
    return asyncio.get_running_loop().time()


def _text_of(response: ModelResponse) -> str:
    parts: list[Any] = [
        part for item in response.output if isinstance(item, ResponseOutputMessage) for part in item.content
    ]
    return "".join(part.text for part in parts if isinstance(part, ResponseOutputText))
