"""Replays dead letters: gives the workers their commands, and sends again what could not be taken."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from app.adapters.clock import SystemClock
from app.client.company import company
from app.operators import reading
from app.operators.control_line import ControlLine, Order
from app.operators.errand import Errand
from app.operators.letters import Letter
from app.operators.notary import Notary
from app.operators.replay_steps import Step, Way
from schemas.control import Command, ControlCommand
from streams.options import KafkaOptions


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one letter: `done`, `refused`, or `sent` with its new place."""

    letter: Letter
    outcome: str
    code: str | None = None
    place: tuple[int, int] | None = None


class Replay:
    """One call of the command."""

    def __init__(self, kafka: KafkaOptions, steps: Sequence[Step], errand: Errand) -> None:
        self._kafka = kafka
        self._run_again = [step.letter for step in steps if step.way is Way.RUN_AGAIN]
        self._send_again = [step.letter for step in steps if step.way is Way.SEND_AGAIN]
        self._errand = errand
        self.unanswered = 0

    async def results(self, patience_s: float) -> AsyncGenerator[Replayed, None]:
        """As they come. Silence where no worker answers; what was sent is done by then."""
        if self._send_again:
            async with aclosing(self._sent()) as done:
                async for one in done:
                    yield one
        if self._run_again:
            async with aclosing(self._commanded(patience_s)) as done:
                async for one in done:
                    yield one

    async def _sent(self) -> AsyncGenerator[Replayed, None]:
        notary = Notary(self._kafka, self._errand)
        places = {(letter.partition, letter.offset) for letter in self._send_again if not letter.has_bytes}
        try:
            await notary.open()
            for letter in self._send_again:
                if letter.has_bytes:
                    yield await _send(notary, letter)
            async with aclosing(reading.letters_at(self._kafka, places)) as found:
                async for letter in found:
                    places.discard((letter.partition, letter.offset))
                    yield await _send(notary, letter)
        finally:
            await notary.close()
        for letter in self._send_again:
            if (letter.partition, letter.offset) in places:
                yield Replayed(letter, "refused", "gone")  # its topic forgot it in between

    async def _commanded(self, patience_s: float) -> AsyncGenerator[Replayed, None]:
        letters = {letter.id: letter for letter in self._run_again}
        line = ControlLine(self._kafka, self._errand.signer)
        try:
            await line.open({letter.letter.tenant_id or "" for letter in self._run_again})
            answers = line.give([self._order(letter) for letter in self._run_again], patience_s)
            async with company(self._kafka), aclosing(answers):
                async for answer in answers:
                    letter = letters[answer.order.command.dead_letter_id or ""]
                    yield Replayed(letter, answer.audit.outcome, answer.audit.code)
        finally:
            self.unanswered = len(line.unanswered)
            await line.close()

    def _order(self, letter: Letter) -> Order:
        command = ControlCommand(
            command=Command.REPLAY,
            dead_letter_id=letter.id,
            request_id=letter.letter.request_id,
            actor=self._errand.actor,
            reason=self._errand.reason,
            at=SystemClock.at(),
        )
        return Order(letter.letter.tenant_id or "", command)


async def _send(notary: Notary, letter: Letter) -> Replayed:
    try:
        raw = letter.letter.original.raw()
    except ValueError:
        return Replayed(letter, "refused", "broken_original")
    return Replayed(letter, "sent", place=await notary.send_again(letter, raw))
