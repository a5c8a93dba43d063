"""What every conversation store does: turns in order, each once, each session its own."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.adapters.redis_conversations import RedisConversations
from app.wiring import connect_redis
from streams.ports import ConversationStore, StoreUnavailable
from tests.contract.claim_stores import NOBODY
from tests.doubles.memory_conversations import MemoryConversations


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.broker)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[ConversationStore]:
    if request.param == "memory":
        yield MemoryConversations()
        return
    client = connect_redis(request.getfixturevalue("redis_url"))
    yield RedisConversations(client, "penstock", 30)
    await client.aclose()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.broker)])
async def away(request: pytest.FixtureRequest) -> AsyncIterator[ConversationStore]:
    if request.param == "memory":
        store = MemoryConversations()
        store.away = True
        yield store
        return
    client = connect_redis(NOBODY)
    yield RedisConversations(client, "penstock", 30)
    await client.aclose()


def turn(asked: str, said: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]


async def test_a_new_session_is_empty(store: ConversationStore) -> None:
    assert await store.read("acme", "s", "r-1") == []


async def test_turns_are_read_in_the_order_in_which_they_were_added(store: ConversationStore) -> None:
    for number in range(5):
        await store.append("acme", "s", f"r-{number}", turn(f"q{number}", f"a{number}"))

    items = await store.read("acme", "s", "r-9")

    assert items == [item for number in range(5) for item in turn(f"q{number}", f"a{number}")]


async def test_a_request_does_not_read_what_it_left_behind_itself(store: ConversationStore) -> None:
    await store.append("acme", "s", "r-1", turn("q1", "a1"))
    await store.append("acme", "s", "r-2", turn("q2", "a2"))

    assert await store.read("acme", "s", "r-2") == turn("q1", "a1")


async def test_a_turn_that_is_added_again_replaces_itself(store: ConversationStore) -> None:
    await store.append("acme", "s", "r-1", turn("q1", "a1"))
    await store.append("acme", "s", "r-2", turn("q2", "before the crash"))

    await store.append("acme", "s", "r-2", turn("q2", "after the crash"))

    assert await store.read("acme", "s", "r-3") == [*turn("q1", "a1"), *turn("q2", "after the crash")]


async def test_a_turn_may_be_empty(store: ConversationStore) -> None:
    await store.append("acme", "s", "r-1", [])
    await store.append("acme", "s", "r-2", turn("q", "a"))

    assert await store.read("acme", "s", "r-3") == turn("q", "a")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("acme", "s"), ("globex", "s")),
        (("acme", "s"), ("acme", "t")),
        (("a", "b:c"), ("a:b", "c")),
        (("1", "1:x"), ("11", ":x")),
    ],
)
async def test_sessions_do_not_mix(
    store: ConversationStore, one: tuple[str, str], other: tuple[str, str]
) -> None:
    await store.append(*one, "r-1", turn("secret", "hidden"))

    assert await store.read(*other, "r-2") == []


async def test_items_of_any_kind_are_kept_as_they_are(store: ConversationStore) -> None:
    deep: Any = "end"
    for _ in range(60):
        deep = [deep]
    items = [
        {"type": "function_call", "name": "look_up", "arguments": '{"order": 7}', "call_id": "c-1"},
        {"type": "function_call_output", "call_id": "c-1", "output": "語 ü \u0000 \u2028 😀"},
        {"n": 2**53 + 1, "f": 0.1, "none": None, "yes": True, "list": [], "object": {}, "deep": deep},
    ]

    await store.append("acme", "s", "r-1", items)
    await store.append("acme", "s", "r-2", turn("q", "a"))

    assert await store.read("acme", "s", "r-2") == items


@pytest.mark.parametrize("odd", ["half a letter: \ud83d", 2**80])
async def test_what_a_model_may_say_but_no_record_holds_does_not_lose_the_turn(
    store: ConversationStore, odd: Any
) -> None:
    await store.append("acme", "s", "r-1", [{"role": "assistant", "content": odd}])
    await store.append("acme", "s", "r-2", turn("q", "a"))

    items = await store.read("acme", "s", "r-3")

    assert [item["role"] for item in items] == ["assistant", "user", "assistant"]


async def test_what_was_handed_in_or_out_can_be_changed_without_harm(store: ConversationStore) -> None:
    items = turn("q", "a")
    await store.append("acme", "s", "r-1", items)
    items[0]["content"] = "changed"
    (await store.read("acme", "s", "r-2"))[0]["content"] = "changed, too"

    assert await store.read("acme", "s", "r-2") == turn("q", "a")


async def test_a_store_that_is_away_says_so(away: ConversationStore) -> None:
    with pytest.raises(StoreUnavailable):
        await away.read("acme", "s", "r-1")
    with pytest.raises(StoreUnavailable):
        await away.append("acme", "s", "r-1", [])
