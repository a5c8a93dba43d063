"""One sends and listens until nothing is awaited any more, or patience is at its end."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest

from app.client.listening import Ear, Silence
from tests.doubles.hand_clock import HandClock


class Talk:
    """Somebody who answers what was sent, in the order of `answers`; each poll takes a second."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.clock = HandClock()
        self.ear = Ear(self.clock.now)
        self.awaited: set[str] = set()
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.sent = False
        self._answers = list(answers)

    async def send(self) -> None:
        self.awaited |= {one for batch in self._answers for one in batch}
        await self.may_send.wait()
        self.sent = True

    async def poll(self) -> list[str]:
        await asyncio.sleep(0)
        self.clock.advance(1.0)
        heard = list(self._answers.pop(0)) if self._answers else []
        if heard:
            self.ear.heard()
        self.awaited -= set(heard)
        return heard

    async def hear(self, patience_s: float) -> list[str]:
        answers = self.ear.listen(self.send(), self.poll, lambda: self.awaited, patience_s)
        async with aclosing(answers):
            return [one async for one in answers]


async def test_all_that_comes_is_told_until_nothing_is_awaited() -> None:
    talk = Talk(["a", "b"], [], ["c"])

    assert await talk.hear(patience_s=5) == ["a", "b", "c"]


async def test_each_answer_renews_the_patience() -> None:
    talk = Talk(["a"], [], [], ["b"], [], [], ["c"])

    assert await talk.hear(patience_s=3.5) == ["a", "b", "c"]


async def test_silence_is_told_as_such() -> None:
    talk = Talk(["a"], [], [], [], ["b"])

    with pytest.raises(Silence):
        await talk.hear(patience_s=2.5)


async def test_what_is_not_sent_yet_is_waited_for() -> None:
    talk = Talk([])
    talk.may_send.clear()
    hearing = asyncio.create_task(talk.hear(patience_s=1_000))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not hearing.done()

    talk.may_send.set()
    await hearing

    assert talk.sent


async def test_a_failure_to_send_is_told() -> None:
    talk = Talk([], [], [])

    async def fail() -> None:
        raise ConnectionError("no broker")

    with pytest.raises(ConnectionError):
        async for _ in talk.ear.listen(fail(), talk.poll, lambda: ["a"], 5):
            pass


async def test_who_stops_listening_stops_sending() -> None:
    talk = Talk(["a"], ["b"])
    talk.may_send.clear()

    async with aclosing(talk.ear.listen(talk.send(), talk.poll, lambda: talk.awaited, 5)) as answers:
        async for _ in answers:
            break
    talk.may_send.set()
    await asyncio.sleep(0)

    assert not talk.sent
