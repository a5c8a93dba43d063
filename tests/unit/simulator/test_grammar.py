"""The steering block: every word, what it refuses, and that a rendered block reads back the same."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator.grammar import MAX_DELTAS, MAX_WAIT_MS, SteeringError, parse
from app.simulator.steering import Failure, Steering, ToolCall, compact, render

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
TOOL_CALLS = st.builds(
    ToolCall,
    name=TEXTS.filter(bool),
    arguments=st.dictionaries(TEXTS, JSON_VALUES, max_size=3).map(compact) | TEXTS,
)
WAITS = st.floats(0, MAX_WAIT_MS / 1000) | st.integers(0, 3600).map(float)
ENDINGS = st.sampled_from([{}, {"hang": True}, {"malformed": True}, {"drop_after": 0}, {"drop_after": 10}])
STEERINGS = st.builds(
    lambda ending, **words: Steering(**words, **ending),
    ending=ENDINGS,
    latency_ms=st.none() | WAITS,
    chunk_ms=st.none() | WAITS,
    deltas=st.none() | st.integers(1, MAX_DELTAS),
    steps=st.lists(st.lists(TOOL_CALLS, min_size=1, max_size=3).map(tuple), max_size=3).map(tuple),
    text=st.none() | TEXTS,
    reasoning=st.none() | TEXTS,
    failures=st.lists(
        st.builds(Failure, st.integers(400, 599), st.none() | st.integers(1, 99)), max_size=3
    ).map(tuple),
    retry_after=st.none() | WAITS,
)


@given(STEERINGS)
def test_a_rendered_block_reads_back_the_same(steering: Steering) -> None:
    assert parse(render(steering)) == (steering, "")


@given(STEERINGS, TEXTS.filter(lambda text: "[[" not in text), TEXTS.filter(lambda text: "[[" not in text))
def test_the_text_around_a_block_is_what_was_said(steering: Steering, before: str, after: str) -> None:
    assert parse(f"{before}.{render(steering)}.{after}") == (steering, f"{before}..{after}".strip())


@given(TEXTS)
def test_any_block_is_read_or_refused_and_breaks_nothing(text: str) -> None:
    with contextlib.suppress(SteeringError):
        parse(f"[[sim: {text}")


def test_the_contract_s_example_is_read() -> None:
    steering, spoken = parse(
        'Hi [[sim: latency_ms=200 chunk_ms=20 deltas=50 tool=lookup_order args={"order":7} text="done"'
        " fail=429*2 drop_after=10]] there"
    )

    assert spoken == "Hi  there"
    assert steering == Steering(
        latency_ms=200,
        chunk_ms=20,
        deltas=50,
        steps=((ToolCall("lookup_order", '{"order":7}'),),),
        text="done",
        failures=(Failure(429, 2),),
        drop_after=10,
    )


def test_a_message_without_a_block_asks_for_nothing() -> None:
    assert parse("hello [[not sim]]") == (Steering(), "hello [[not sim]]")


def test_the_last_block_counts_and_all_blocks_are_taken_out() -> None:
    assert parse("a [[sim: deltas=1]] b [[sim: deltas=2]] c") == (Steering(deltas=2), "a  b  c")


def test_brackets_and_braces_within_strings_end_nothing() -> None:
    steering, spoken = parse('[[sim: args={"a": {"b": "]] }"}, "c": [[1]]} tool=t text="say \\"]]\\""]]x')

    (call,) = steering.steps[0]
    assert json.loads(call.arguments) == {"a": {"b": "]] }"}, "c": [[1]]}
    assert (steering.text, spoken) == ('say "]]"', "x")


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        ("tool=a tool=b", [[("a", "{}"), ("b", "{}")]]),
        ('tool=a args={"x":1} tool=b', [[("a", '{"x":1}'), ("b", "{}")]]),
        ('tool=a tool=b args={"x":1}', [[("a", "{}"), ("b", '{"x":1}')]]),
        ('args={"x":1} tool=a args={"x":2} tool=b', [[("a", '{"x":1}'), ("b", '{"x":2}')]]),
        ('tool=a then args={"x":1} tool=b', [[("a", "{}")], [("b", '{"x":1}')]]),
        ('tool="a b" args="not { json"', [[("a b", "not { json")]]),
        ('tool=a args={"x" : 1.50,\n"y":"ü"}', [[("a", '{"x":1.5,"y":"ü"}')]]),
    ],
)
def test_each_args_belongs_to_the_tool_beside_it(words: str, calls: list[list[tuple[str, str]]]) -> None:
    steering, _ = parse(f"[[sim: {words}]]")

    assert [[(call.name, call.arguments) for call in step] for step in steering.steps] == calls


@pytest.mark.parametrize(
    ("words", "blamed"),
    [
        ("speed=3", "speed"),
        ("latency=3", "latency"),
        ("latency_ms", "latency_ms"),
        ("latency_ms=fast", "latency_ms=fast"),
        ("latency_ms=-1", "latency_ms=-1"),
        ("latency_ms=3600001", "latency_ms=3600001"),
        ("latency_ms=nan", "latency_ms=nan"),
        ("latency_ms=1 latency_ms=2", "latency_ms"),
        ("deltas=0", "deltas=0"),
        ("deltas=1.5", "deltas=1.5"),
        ("drop_after=-1", "drop_after=-1"),
        ("hang=1", "hang"),
        ("hang malformed", "malformed"),
        ("hang drop_after=1", "drop_after"),
        ("hang hang", "hang"),
        ("text=hello", "text"),
        ('text="hello', "text"),
        ('text="\\ud800"', "text"),
        ('text="a"deltas=1', "deltas=1"),
        ("fail=200", "fail=200"),
        ("fail=429*0", "fail=429*0"),
        ("fail=429x2", "fail=429x2"),
        ("fail=", "fail"),
        ("retry_after=soon", "retry_after=soon"),
        ("args={}", "args"),
        ("args={} args={} tool=a", "args"),
        ("tool=a args={} args={}", "args"),
        ("tool=a args=7", "args"),
        ("tool=a args={x}", "args"),
        ('tool=a args={"x":NaN}', "args"),
        ('tool=""', "tool"),
        ("then tool=a", "then"),
        ("tool=a then", "then"),
        ("=", "="),
    ],
)
def test_a_word_that_does_not_fit_is_named(words: str, blamed: str) -> None:
    with pytest.raises(SteeringError) as caught:
        parse(f"[[sim: {words}]]")

    assert caught.value.word.removesuffix("]]") == blamed
    assert "Grammar: [[sim:" in str(caught.value)


@pytest.mark.parametrize("text", ["[[sim:", "[[sim: hang", "[[sim: hang ]", '[[sim: tool=a args={"x":1}'])
def test_a_block_without_an_end_is_refused(text: str) -> None:
    with pytest.raises(SteeringError, match="no end"):
        parse(text)


def test_arguments_nested_beyond_reason_are_refused() -> None:
    with pytest.raises(SteeringError):
        parse("[[sim: tool=a args=" + '{"a":' * 100_000 + "]]")


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        ((), [None, None, None, None]),
        ((Failure(500),), [500, 500, 500, 500]),
        ((Failure(429, 2),), [429, 429, None, None]),
        ((Failure(429, 1), Failure(503, 2)), [429, 503, 503, None]),
        ((Failure(429, 1), Failure(500)), [429, 500, 500, 500]),
    ],
)
def test_failures_follow_one_another(failures: tuple[Failure, ...], expected: list[int | None]) -> None:
    steering = Steering(failures=failures)

    statuses = [failure and failure.status for failure in map(steering.failure_at, range(4))]

    assert statuses == expected
