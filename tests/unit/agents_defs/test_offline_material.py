"""The offline model with what flows ask it: material below a question, plans, judges, languages."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from agents import AgentOutputSchema
from pydantic import BaseModel

from agents_defs.offline import conversation, wording
from agents_defs.offline.languages import language_of
from agents_defs.offline.material import clauses, left_to_do, parted
from agents_defs.offline.structured import structured_answer

MINUTES = "Buy it?\n\nSaid so far:\nfor: It is cheap. (offline model)\nagainst: It breaks."


class Step(BaseModel):
    task: str


class Plan(BaseModel):
    steps: list[Step]


class Topics(BaseModel):
    topics: list[str]


class Review(BaseModel):
    good_enough: bool


class Part(BaseModel):
    worker: Literal["orders", "devices"]


class Spoken(BaseModel):
    language: Literal["en", "de", "fr"]


def filled(kind: Any, asked: Any, instructions: str = "") -> Any:
    said = conversation.read(asked)
    return json.loads(structured_answer(said, instructions, AgentOutputSchema(kind)))


def test_a_question_is_told_from_what_stands_below_its_heading() -> None:
    assert parted(MINUTES) == ("Buy it?", "Said so far:\nfor: It is cheap.\nagainst: It breaks.")


@pytest.mark.parametrize("text", ["One line.", "Two\n\nparagraphs: of a mail", "Dear all:\nhello"])
def test_a_text_without_such_a_heading_is_all_question(text: str) -> None:
    assert parted(text) == (text, "")


def test_the_answer_to_a_conversation_names_who_spoke_last() -> None:
    told = wording.answer(conversation.read(MINUTES), "You argue for it.")

    assert told == (
        "I argue for it. I read what was said 2 times, at last by against: “It breaks.” (offline model)"
    )


def test_an_answer_from_material_takes_what_fits_the_question() -> None:
    asked = "When does the gate open?\n\nWhat was found:\n- The gate may open at six.\n- The turbine is red."

    assert wording.substance(conversation.read(asked), "You write.") == "The gate may open at six."


def test_what_is_asked_in_one_text_is_taken_apart() -> None:
    assert clauses("Look up order 7. How long does it take, and who pays?") == [
        "Look up order 7",
        "How long does it take",
        "who pays?",
    ]


def test_what_is_noted_as_done_is_not_planned_again() -> None:
    assert left_to_do("Open the gate. Close the valve.", "- Open the gate (done): yes") == ["Close the valve"]


def test_a_plan_has_a_step_for_each_thing_that_is_asked_for() -> None:
    plan = filled(Plan, "Look up order 7. Look up the refund of order 12.")

    assert plan == {"steps": [{"task": "Look up order 7"}, {"task": "Look up the refund of order 12"}]}


def test_topics_are_a_few_words_each() -> None:
    topics = filled(Topics, "How do turbines work, and what does a gate do in winter?")

    assert topics == {"topics": ["turbines work", "gate winter"]}


@pytest.mark.parametrize(
    ("below", "good"), [("Draft 1 of 3:\nHello.", False), ("Draft 2 of 3:\nHello.", True), ("", True)]
)
def test_a_judge_wants_a_first_draft_changed_and_is_content_with_the_second(below: str, good: bool) -> None:
    assert filled(Review, f"Write.\n\n{below}" if below else "Write.") == {"good_enough": good}


def test_a_judge_sees_that_a_tool_failed() -> None:
    asked = [
        {"role": "user", "content": "Look up order 9."},
        {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": '{"error": "there is none"}'},
    ]

    assert filled(Review, asked) == {"good_enough": False}


def test_a_choice_that_no_word_names_is_made_by_what_the_instructions_say_of_it() -> None:
    told = "`orders` knows deliveries and refunds, `devices` knows gateways and sensors."

    assert filled(Part, "My gateway is offline", told) == {"worker": "devices"}
    assert filled(Part, "Where is my refund", told) == {"worker": "orders"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is my order?", "english"),
        ("Wo ist meine Bestellung?", "german"),
        ("Où est ma commande, et pour quand ?", "french"),
        ("¿Dónde está mi pedido?", "spanish"),
        ("4711", None),
    ],
)
def test_a_language_is_told_by_its_frequent_words(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_a_language_is_chosen_by_its_code_too() -> None:
    assert filled(Spoken, "Wo ist meine Bestellung?") == {"language": "de"}
