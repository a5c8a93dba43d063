"""What the simulated model says: text that follows from the input, tool calls in their turn."""

import json
from typing import Any

import pytest

from app.simulator import responses_api
from app.simulator.answers import Answer, compose, pieces
from app.simulator.api_errors import InvalidCallError
from app.simulator.grammar import parse
from app.simulator.tokens import estimate

ORDER = {"type": "object", "properties": {"order": {"type": "integer"}}, "required": ["order"]}
TOOLS = [
    {"type": "function", "name": "lookup_order", "parameters": ORDER},
    {"type": "function", "name": "refund", "parameters": {}},
]


def said(message: str, *later: dict[str, Any], **body: Any) -> dict[str, Any]:
    return {"model": "m", "input": [{"role": "user", "content": message}, *later], "tools": TOOLS, **body}


def called(call_id: str, name: str, output: str) -> list[dict[str, Any]]:
    return [
        {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"},
        {"type": "function_call_output", "call_id": call_id, "output": output},
    ]


def answer(body: dict[str, Any]) -> Answer:
    call = responses_api.read(body)
    text, outputs = call.last_user()
    return compose(call, *parse(text), outputs)


def names(body: dict[str, Any]) -> list[str]:
    return [call.name for call in answer(body).calls]


def test_the_same_input_gets_the_same_answer_and_another_input_another() -> None:
    assert answer(said("hello")) == answer(said("hello"))
    assert answer(said("hello")).text != answer(said("hello!")).text
    assert answer(said("hello")).text != answer(said("hello", instructions="be brief")).text


def test_the_answer_tells_what_was_said_and_what_tools_returned_but_not_the_steering() -> None:
    body = said("[[sim: latency_ms=1]] where  is\nit?", *called("c1", "lookup_order", "at sea"))

    text = answer(body).text

    assert text.startswith("Simulated answer ")
    assert text.endswith(' to "where is it?"; lookup_order returned at sea.')


def test_a_long_message_is_told_in_part() -> None:
    assert f'to "{"x" * 80}..."' in answer(said("x" * 1000)).text


def test_tools_on_offer_are_left_alone_without_steering() -> None:
    assert names(said("hello")) == []


def test_a_steered_tool_is_called_once() -> None:
    text = '[[sim: tool=lookup_order args={"order":7} text="done"]]'

    first = answer(said(text))
    second = answer(said(text, *called("c1", "lookup_order", "shipped")))

    assert [(call.name, call.arguments) for call in first.calls] == [("lookup_order", '{"order":7}')]
    assert (first.text, second.calls, second.text) == ("", (), "done")


def test_outputs_before_the_steering_message_do_not_count() -> None:
    body = said("[[sim: tool=refund]]")
    body["input"] = [{"role": "user", "content": "before"}, *called("c0", "refund", "paid"), *body["input"]]

    assert names(body) == ["refund"]


def test_parallel_calls_come_together_and_only_those_still_due_come_again() -> None:
    text = "[[sim: tool=refund tool=refund tool=lookup_order]]"

    assert names(said(text)) == ["refund", "refund", "lookup_order"]
    assert names(said(text, *called("c1", "refund", "paid"))) == ["refund", "lookup_order"]


def test_then_starts_another_turn() -> None:
    text = "[[sim: tool=refund then tool=lookup_order then tool=refund]]"
    first, second = called("c1", "refund", "paid"), called("c2", "lookup_order", "shipped")

    assert names(said(text)) == ["refund"]
    assert names(said(text, *first)) == ["lookup_order"]
    assert names(said(text, *first, *second)) == ["refund"]
    assert names(said(text, *first, *second, *called("c3", "refund", "paid"))) == []


def test_a_tool_that_does_not_exist_is_made_up() -> None:
    assert names(said("[[sim: tool=make_tea]]")) == ["make_tea"]


def test_a_hand_off_that_is_no_longer_on_offer_is_not_made_again() -> None:
    assert names(said("[[sim: tool=transfer_to_billing then tool=refund]]")) == ["refund"]


@pytest.mark.parametrize("body", [{"tools": []}, {"tool_choice": "none"}])
def test_where_no_tool_may_be_called_a_steered_one_is_not(body: dict[str, Any]) -> None:
    assert names(said("[[sim: tool=refund]]", **body)) == []


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("required", "lookup_order"), ({"type": "function", "name": "refund"}, "refund")],
)
def test_a_forced_tool_is_called_with_fitting_arguments(choice: Any, expected: str) -> None:
    (call,) = answer(said("hello", tool_choice=choice)).calls

    assert call.name == expected
    assert json.loads(call.arguments) == ({"order": 0} if expected == "lookup_order" else {})


def test_a_forced_tool_that_has_answered_is_not_called_again() -> None:
    assert names(said("hello", *called("c1", "refund", "paid"), tool_choice="required")) == []


def test_forcing_a_tool_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidCallError, match="make_tea"):
        answer(said("hello", tool_choice={"type": "function", "name": "make_tea"}))


def test_a_demanded_form_is_kept() -> None:
    text = {"format": {"type": "json_schema", "name": "order", "schema": ORDER}}

    assert json.loads(answer(said("hello", text=text)).text) == {"order": 0}
    assert "answer" in json.loads(answer(said("hello", text={"format": {"type": "json_object"}})).text)


def test_a_steered_text_is_sent_as_it_is_whatever_form_was_demanded() -> None:
    text = {"format": {"type": "json_schema", "name": "order", "schema": ORDER}}

    assert answer(said('[[sim: text="{broken"]]', text=text)).text == "{broken"


def test_a_schema_without_an_answer_is_refused_with_the_way_out() -> None:
    text = {"format": {"type": "json_schema", "name": "x", "schema": {"enum": []}}}

    with pytest.raises(InvalidCallError, match='text="'):
        answer(said("hello", text=text))


def test_output_tokens_are_those_of_the_text_and_of_the_reasoning() -> None:
    usage = answer(said('[[sim: text="12345678" reasoning="1234"]]')).usage

    assert (usage.output_tokens, usage.reasoning_tokens) == (3, 1)


def test_a_limit_on_output_tokens_cuts_the_text() -> None:
    got = answer(said('[[sim: text="12345678901" reasoning="1234"]]', max_output_tokens=3))

    assert (got.text, got.cut_short, got.usage.output_tokens) == ("12345678", True, 3)


def test_a_prompt_s_unchanged_beginning_is_counted_as_cached() -> None:
    short, long = answer(said("hello")), answer(said("hello", instructions="x" * 4 * 1200))

    assert short.usage.cached_tokens == 0
    assert long.usage.cached_tokens == 1152
    assert long.usage.input_tokens == short.usage.input_tokens + 1200


def test_more_deltas_than_words_lengthen_a_computed_text() -> None:
    assert len(answer(said("[[sim: deltas=50]] hello")).text.split()) == 50


@pytest.mark.parametrize(
    ("text", "number", "lengths"), [("abcdefg", 3, [2, 2, 3]), ("ab", 5, [1, 1]), ("", 5, [])]
)
def test_pieces_are_even_and_make_up_the_text(text: str, number: int, lengths: list[int]) -> None:
    cut = pieces(text, number)

    assert "".join(cut) == text
    assert [len(piece) for piece in cut] == lengths


def test_tool_calls_count_as_output() -> None:
    usage = answer(said('[[sim: tool=refund args={"a":1}]]')).usage

    assert usage.output_tokens == estimate("refund") + estimate('{"a":1}')
