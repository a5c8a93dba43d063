"""Runs whose plan has redaction: no model is told personal data, and nobody else misses any."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from agents import Agent, RunContextWrapper, function_tool
from agents.testing import assistant_message, function_call
from openai.types.responses import ResponseTextDeltaEvent
from pydantic import BaseModel

from agents_defs.guardrails.pii import KINDS, pii
from agents_defs.journal_entries import calls_of, loads
from agents_defs.nested_run import ask
from agents_defs.redaction.placeholders import MARK
from agents_defs.redaction.redaction import NOTE
from agents_defs.redaction.run_redaction import BESIDE
from agents_defs.redaction.session_map import KIND
from agents_defs.run_journal import RunLost
from agents_defs.run_order import RunResult
from tests.doubles.history_model import HistoryModel, completed, results
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, runner_on, spec_of

MAIL, PHONE, IBAN, CARD = (
    "lena@fernhill.example",
    "+49 30 5550 1729",
    "DE96 7311 9993 8475 1182 59",
    "4146 1091 9576 9563",
)
OTHERS = ("bo@fernhill.example", "ida@fernhill.example")
SECRET = (MAIL, PHONE, IBAN, CARD, *OTHERS)
ASKED = f"I am {MAIL}, my phone is {PHONE}. Where is order 7?"
GIVEN: list[Any] = []


class Found(BaseModel):
    mail: str


@dataclass
class Order:
    """Which of two tools that run at once is done first."""

    first: str = "a"
    turn: asyncio.Event = field(default_factory=asyncio.Event)


ORDER = Order()


@function_tool
async def look_up(mail: str, note: str) -> dict[str, str]:
    """Looks somebody up."""
    GIVEN.append((mail, note))
    return {"account": IBAN, "card": CARD, mail: note}


@function_tool
async def find(which: str) -> str:
    """Finds one of two."""
    GIVEN.append(which)
    if ORDER.first == which:
        ORDER.turn.set()
    else:
        await ORDER.turn.wait()
    return OTHERS[which == "b"]


@function_tool
async def opinion(context: RunContextWrapper[Any], text: str) -> str:
    """Asks an agent."""
    GIVEN.append(text)
    return str(await ask(context, Agent[Any](name="judge", instructions=f"judge {OTHERS[0]}"), text))


def clerk() -> Agent[Any]:
    return Agent(name="tester", instructions="tests", tools=[look_up, find, opinion])


class Provider(HistoryModel):
    """Keeps all that comes in, and streams letter by letter."""

    def __init__(self, script: Any) -> None:
        super().__init__(script)
        self.seen: list[str] = []

    async def get_response(self, *positional: Any, **named: Any) -> Any:
        told = positional[:2]
        self.seen.append(json.dumps(told, default=lambda one: one.model_dump(), ensure_ascii=False))
        return await super().get_response(*positional, **named)

    async def stream_response(self, *positional: Any, **named: Any) -> AsyncIterator[Any]:
        answer = await self.get_response(*positional, **named)
        texts = [part.text for item in answer.output if item.type == "message" for part in item.content]
        for letter in "".join(texts):
            yield ResponseTextDeltaEvent(
                type="response.output_text.delta",
                delta=letter,
                item_id="m",
                output_index=0,
                content_index=0,
                sequence_number=0,
                logprobs=[],
            )
        yield completed(answer)


def works(instructions: str | None, asked: list[Any]) -> list[Any]:
    """Looks up who asks, finds two others at once, asks a judge, and tells all of it."""
    if instructions and instructions.startswith("judge"):
        return [assistant_message("fine, <EMAIL_1>")]
    had = len(results(asked))
    if had == 0:
        return [function_call("look_up", {"mail": "<EMAIL_1>", "note": "<PHONE_1>"}, call_id="l")]
    if had == 1:
        return [function_call("find", {"which": one}, call_id=one) for one in "ab"]
    if had == 3:
        return [function_call("opinion", {"text": "is <EMAIL_2> <EMAIL_3> fine?"}, call_id="o")]
    return [assistant_message("You are <EMAIL_1> at <PHONE_1>, with <IBAN_1>; no <EMAIL_9>, no <b>")]


ANSWER = f"You are {MAIL} at {PHONE}, with {IBAN}; no <EMAIL_9>, no <b>"


@dataclass
class Attempt:
    result: RunResult | None
    provider: Provider
    recorder: Recorder


async def attempt(journal: MemoryJournal | None = None, number: int = 1, **changes: Any) -> Attempt:
    GIVEN.clear()
    ORDER.turn = asyncio.Event()
    script, asked = changes.pop("script", works), changes.pop("asked", ASKED)
    build = changes.pop("build", clerk)
    changes.setdefault("redaction", KINDS)
    provider, recorder = Provider(script), Recorder()
    paid = calls_of(journal.entries) if journal is not None else ()
    order = order_for(spec_of(build), asked, journal=journal, attempt=number, paid=paid, **changes)
    try:
        result: RunResult | None = await runner_on(provider).run(order, recorder)
    except RunLost:
        result = None
    return Attempt(result, provider, recorder)


def leaks(text: str) -> list[str]:
    return [secret for secret in SECRET if secret in text]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_provider_sees_placeholders_and_everybody_else_the_data(stream: bool) -> None:
    done = await attempt(stream=stream)

    assert leaks("".join(done.provider.seen)) == []
    assert "I am <EMAIL_1>, my phone is <PHONE_1>. Where is order 7?" in done.provider.seen[0]
    assert GIVEN[0] == (MAIL, PHONE)
    assert set(GIVEN[1:3]) == {"a", "b"}
    assert GIVEN[3] == f"is {OTHERS[0]} {OTHERS[1]} fine?"
    assert done.result is not None
    assert done.result.output == ANSWER
    if stream:
        assert done.recorder.text_of_last_turn() == ANSWER


async def test_a_model_is_told_what_placeholders_are_where_there_are_any() -> None:
    with_data = await attempt(script=lambda *_: [assistant_message("ok")])
    without = await attempt(script=lambda *_: [assistant_message("ok")], asked="Where is order 7?")

    assert NOTE in with_data.provider.seen[0]
    assert NOTE not in without.provider.seen[0]


async def test_without_redaction_the_model_is_told_all() -> None:
    done = await attempt(redaction=None, script=lambda *_: [assistant_message("ok")])

    assert MAIL in done.provider.seen[0]


async def test_no_reader_is_told_half_a_placeholder() -> None:
    done = await attempt(stream=True)

    texts = [data["text"] for _, data in done.recorder.told("text")]
    assert not any("EMAIL_1" in text or text == "<E" for text in texts)
    assert MAIL in "".join(texts)


async def test_an_output_type_gets_the_data() -> None:
    typed = Agent[Any](name="typed", instructions="types", output_type=Found)

    done = await attempt(
        build=lambda: typed.clone(),
        script=lambda *_: [assistant_message('{"mail": "\\u003cEMAIL_1\\u003e"}')],
    )

    assert done.result is not None
    assert done.result.output == {"mail": MAIL}


async def test_the_journal_holds_personal_data_in_the_map_only() -> None:
    journal = MemoryJournal()

    await attempt(journal)

    entries = journal.entries
    assert leaks("".join(raw.decode() for name, raw in entries.items() if not name.startswith(BESIDE))) == []
    values = {name: loads(raw) for name, raw in entries.items() if name.startswith(BESIDE)}
    assert values["p:<EMAIL_1>"] == MAIL
    assert values["p:<EMAIL_9>"] == "<EMAIL_9>"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("cut", ["fail_after", "fail_before"])
async def test_a_run_that_is_cut_off_at_any_write_goes_on_with_the_same_placeholders(
    stream: bool, cut: str
) -> None:
    whole = MemoryJournal()
    expected = await attempt(whole, stream=stream)
    assert expected.result is not None

    for write in range(1, whole.writes + 1):
        journal = MemoryJournal(**{cut: write})  # type: ignore[arg-type]  # one of its two numbers
        ORDER.first = "a"
        first = await attempt(journal, stream=stream)
        assert first.result is None
        left = journal.resumed()
        ORDER.first = "b"  # the other tool is faster now

        second = await attempt(left, 2, stream=stream)

        ORDER.first = "a"
        assert second.result is not None
        assert second.result.output == expected.result.output
        assert second.result.new_items == expected.result.new_items
        assert leaks("".join(first.provider.seen + second.provider.seen)) == []
        for asked in second.provider.seen:
            assert asked in expected.provider.seen, write


async def test_what_was_recorded_with_placeholders_is_read_when_the_plan_has_changed() -> None:
    journal = MemoryJournal(fail_after=4)
    await attempt(journal)

    second = await attempt(journal.resumed(), 2, redaction=None, script=plainly)

    assert second.result is not None
    assert second.result.output.startswith(f"You are {MAIL}")
    assert IBAN in second.provider.seen[-1]


def plainly(instructions: str | None, asked: list[Any]) -> list[Any]:
    """As a model that is told all."""
    if len(results(asked)) < 4:
        return works(instructions, asked)
    return [assistant_message(f"You are {MAIL}")]


async def test_a_session_keeps_placeholders_and_goes_on_with_them() -> None:
    first = await attempt(script=lambda *_: [assistant_message("hello <EMAIL_1>")])
    assert first.result is not None
    kept = json.loads(json.dumps(first.result.new_items))
    assert leaks(json.dumps(kept[1:])) == []
    assert kept[0]["values"] == {"<EMAIL_1>": MAIL, "<PHONE_1>": PHONE}

    second = await attempt(
        script=lambda *_: [assistant_message("<EMAIL_2>, not <EMAIL_1>")],
        asked=f"now {OTHERS[0]}",
        session_items=kept,
    )

    assert "hello <EMAIL_1>" in second.provider.seen[0]
    assert "now <EMAIL_2>" in second.provider.seen[0]
    assert leaks(second.provider.seen[0]) == []
    assert second.result is not None
    assert second.result.output == f"{OTHERS[0]}, not {MAIL}"


async def test_a_placeholder_of_the_session_stays_what_it_is_whatever_comes_first_now() -> None:
    said = {"role": "user", "content": "I am <EMAIL_5>"}
    kept = [{"type": KIND, "items": 1, "values": {"<EMAIL_5>": MAIL}}, said]

    second = await attempt(
        build=lambda: Agent(name="teller", instructions=f"You help {OTHERS[0]} and {MAIL}."),
        script=lambda *_: [assistant_message("ok")],
        session_items=kept,
    )

    assert "You help <EMAIL_1> and <EMAIL_5>." in second.provider.seen[0]
    assert "I am <EMAIL_5>" in second.provider.seen[0]


async def test_what_a_provider_is_sent_stands_in_the_journal_before() -> None:
    journal = MemoryJournal()
    unwritten: list[str] = []

    def heed(instructions: str | None, asked: list[Any]) -> list[Any]:
        told = f"{instructions} {asked}".replace(NOTE, "")
        marks = {match.group() for match in MARK.finditer(told)}
        unwritten.extend(mark for mark in marks if BESIDE + mark not in journal.entries)
        return works(instructions, asked)

    await attempt(journal, script=heed)

    assert unwritten == []
    assert f"{BESIDE}<EMAIL_3>" in journal.entries


@pytest.mark.parametrize("answer", ["2 < 3 <", "<EMAIL_", "mail <EMAIL_1", "<EMAIL_1><EMAIL_1>", "a\\u003"])
async def test_what_was_held_back_is_told_when_nothing_follows(answer: str) -> None:
    done = await attempt(stream=True, script=lambda *_: [assistant_message(answer)])

    assert done.result is not None
    assert done.result.output == answer.replace("<EMAIL_1>", MAIL)
    assert "".join(data["text"] for _, data in done.recorder.told("text")) == done.result.output


async def test_a_session_is_read_as_it_was_said_when_the_plan_has_no_redaction_any_more() -> None:
    first = await attempt(script=lambda *_: [assistant_message("hello <EMAIL_1>")])
    assert first.result is not None

    second = await attempt(
        redaction=None,
        script=lambda *_: [assistant_message("<EMAIL_1>")],
        session_items=first.result.new_items,
    )

    assert f"hello {MAIL}" in second.provider.seen[0]
    assert second.result is not None
    assert second.result.output == "<EMAIL_1>"


async def test_nobody_gets_what_a_placeholder_stands_for_in_another_session_or_run() -> None:
    await attempt(script=lambda *_: [assistant_message("hello <EMAIL_1>")])

    other = await attempt(
        asked="hello", tenant_id="globex", script=lambda *_: [assistant_message("hello <EMAIL_1> <PHONE_1>")]
    )

    assert other.result is not None
    assert other.result.output == "hello <EMAIL_1> <PHONE_1>"
    assert leaks(json.dumps(other.result.new_items)) == []


async def test_an_agent_that_is_streamed_inside_of_a_tool_is_given_the_data() -> None:
    events: list[Any] = []

    async def heard(event: Any) -> None:
        events.append(event["event"])

    def outer() -> Agent[Any]:
        inner = Agent[Any](name="inner", instructions="inner")
        return Agent(
            name="outer", instructions="outer", tools=[inner.as_tool("ask_inner", "Asks.", on_stream=heard)]
        )

    def script(instructions: str | None, asked: list[Any]) -> list[Any]:
        if instructions and instructions.startswith("inner"):
            return [assistant_message("it is <EMAIL_1>")]
        if not results(asked):
            return [function_call("ask_inner", {"input": "who is <EMAIL_1>?"}, call_id="i")]
        return [assistant_message(results(asked)[-1])]

    done = await attempt(build=outer, script=script)

    assert done.result is not None
    assert done.result.output == f"it is {MAIL}"
    assert events
    assert "<EMAIL_1>" not in str(events)
    assert MAIL not in "".join(done.provider.seen)


async def test_a_long_question_is_looked_through_beside_the_event_loop() -> None:
    long, here = "Nothing to see. " * 2_000, threading.get_ident()
    looked: list[int] = []

    def noted(text: str, kinds: Any) -> Any:
        if len(text) > 20_000:
            looked.append(threading.get_ident())
        return pii(text, kinds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agents_defs.redaction.redaction.pii", noted)
        done = await attempt(asked=f"{long}{MAIL}", script=lambda *_: [assistant_message("<EMAIL_1>")])

    assert done.result is not None
    assert done.result.output == MAIL
    assert MAIL not in done.provider.seen[0]
    assert len(looked) == 1
    assert looked[0] != here
