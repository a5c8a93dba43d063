"""Both APIs' bodies read to the same call, and their answers written the way each API does."""

import json
from typing import Any

import pytest

from app.simulator.answers import Answer, compose
from app.simulator.api_errors import InvalidCallError, status_error
from app.simulator.dialects import DIALECTS
from app.simulator.grammar import parse
from app.simulator.model_call import Api, ModelCall
from app.simulator.script import Script, Stamp

STAMP = Stamp("id_1", 1_700_000_000)
SCHEMA = {"type": "object", "properties": {}}
RESPONSES_BODY = {
    "model": "m",
    "instructions": "Be kind.",
    "input": [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "one"}, {"type": "input_text", "text": "two"}],
        },
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "seen"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}]},
        {"type": "item_reference", "id": "x"},
    ],
    "tools": [{"type": "function", "name": "look", "parameters": SCHEMA}, {"type": "web_search"}],
    "tool_choice": {"type": "function", "name": "look"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}},
    "max_output_tokens": 9,
}
CHAT_BODY = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "seen"},
        {"role": "assistant", "content": "ok"},
    ],
    "tools": [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}],
    "tool_choice": {"type": "function", "function": {"name": "look"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
    "max_completion_tokens": 9,
}


def asked(api: Api, text: str, **body: Any) -> tuple[ModelCall, Answer]:
    given: dict[str, Any] = (
        {"input": text} if api == "responses" else {"messages": [{"role": "user", "content": text}]}
    )
    call = DIALECTS[api].read({"model": "m", **given, **body})
    said, outputs = call.last_user()
    return call, compose(call, *parse(said), outputs)


def events(part: bytes) -> list[dict[str, Any]]:
    return [
        json.loads(line[len("data: ") :])
        for line in part.decode().splitlines()
        if line.startswith("data: ") and line != "data: [DONE]"
    ]


def whole_script(script: Script) -> list[dict[str, Any]]:
    return events(b"".join((script.opening, *script.deltas, script.closing)))


@pytest.mark.parametrize(("api", "body"), [("responses", RESPONSES_BODY), ("chat", CHAT_BODY)])
def test_both_apis_say_the_same(api: Api, body: dict[str, Any]) -> None:
    call = DIALECTS[api].read(body)

    text, outputs = call.last_user()
    assert (text, [(turn.tool, turn.text) for turn in outputs]) == ("one\ntwo", [("look", "seen")])
    assert [tool.name for tool in call.demands.tools] == ["look"]
    assert call.demands.forced_tool == "look"
    assert call.demands.schema == SCHEMA
    assert call.demands.max_output_tokens == 9


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("responses", {"input": "x", "previous_response_id": "resp_1"}),
        ("responses", {"input": 7}),
        ("responses", {"input": ["x"]}),
        ("chat", {"messages": []}),
        ("chat", {"messages": [{"role": "user", "content": "x"}], "stream_options": 7}),
        ("chat", {}),
        ("chat", {"messages": [{"content": "x"}]}),
        ("chat", {"messages": [{"role": "user", "content": "x"}], "n": 2}),
    ],
)
def test_what_no_answer_fits_is_refused(api: Api, body: dict[str, Any]) -> None:
    with pytest.raises(InvalidCallError):
        DIALECTS[api].read({"model": "m", **body})


def test_the_digest_ignores_the_order_of_keys_and_nothing_else() -> None:
    read = DIALECTS["responses"].read

    one = read({"model": "m", "input": [{"role": "user", "content": "x"}]})
    same = read({"model": "other", "input": [{"content": "x", "role": "user"}], "stream": True})
    other = read({"model": "m", "input": [{"role": "user", "content": "y"}]})

    assert one.input_sha256 == same.input_sha256 != other.input_sha256


def test_a_streamed_response_tells_its_events_in_the_api_s_order() -> None:
    call, answer = asked("responses", '[[sim: text="abcd" reasoning="h"]]')

    told = whole_script(DIALECTS["responses"].script(call, answer, STAMP, 2))

    assert [event["type"].removeprefix("response.") for event in told] == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in told] == list(range(16))
    assert told[-1]["response"] == json.loads(DIALECTS["responses"].whole(call, answer, STAMP))


@pytest.mark.parametrize("api", ["responses", "chat"])
@pytest.mark.parametrize("text", ["hello", "[[sim: tool=a args={} tool=b args={}]]"])
def test_each_piece_of_a_stream_holds_one_delta(api: Api, text: str) -> None:
    tools = [
        {"type": "function", "name": name, "parameters": {}, "function": {"name": name, "parameters": {}}}
        for name in "ab"
    ]
    call, answer = asked(api, text, tools=tools)

    script = DIALECTS[api].script(call, answer, STAMP, 5)

    expected = 5 if text == "hello" else 4
    assert len(script.deltas) == expected
    assert all("delta" in json.dumps(events(piece)[-1]) for piece in script.deltas)


@pytest.mark.parametrize("counted", [False, True])
def test_chunks_carry_usage_only_where_it_was_asked_for(counted: bool) -> None:
    call, answer = asked("chat", "hello", stream_options={"include_usage": counted})

    told = whole_script(DIALECTS["chat"].script(call, answer, STAMP, 2))

    assert DIALECTS["chat"].script(call, answer, STAMP, 2).closing.endswith(b"data: [DONE]\n\n")
    assert [chunk["usage"] for chunk in told if "usage" in chunk][:-1] == ([None] * 4 if counted else [])
    assert ("usage" in told[-1], told[-1]["choices"] == []) == (counted, counted)


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_a_garbled_event_is_no_json(api: Api) -> None:
    call, answer = asked(api, "hello")

    script = DIALECTS[api].script(call, answer, STAMP, 2)

    with pytest.raises(json.JSONDecodeError):
        events(script.garbled)


def test_an_answer_cut_short_says_so_in_both_apis() -> None:
    response = json.loads(
        DIALECTS["responses"].whole(*asked("responses", "hello", max_output_tokens=2), STAMP)
    )
    completion = json.loads(DIALECTS["chat"].whole(*asked("chat", "hello", max_tokens=2), STAMP))

    assert (response["status"], response["incomplete_details"]) == (
        "incomplete",
        {"reason": "max_output_tokens"},
    )
    assert completion["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("status", "asked_for", "headers"),
    [
        (429, None, {"Retry-After": "1", "Retry-After-Ms": "1000"}),
        (429, 0.25, {"Retry-After": "1", "Retry-After-Ms": "250"}),
        (503, 2.0, {"Retry-After": "2", "Retry-After-Ms": "2000"}),
        (500, None, {}),
    ],
)
def test_a_failure_says_when_to_come_back(
    status: int, asked_for: float | None, headers: dict[str, str]
) -> None:
    error = status_error(status, asked_for)

    assert (error.status, error.headers) == (status, headers)
    assert set(json.loads(error.body)["error"]) == {"message", "type", "param", "code"}
