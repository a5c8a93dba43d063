"""Breaches to plant in a clean world, one at a time: which promises each breaks, and what must be named."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.verify.findings import Promise
from app.verify.records import Kind, Record
from schemas.deltas import DeltaKind
from schemas.failures import Code
from schemas.responses import Status
from tests.unit.verify.world import Call, Fields, World, clean

ONE, LOST, ORDER, PAID = (
    Promise.ONE_OUTCOME,
    Promise.NOTHING_LOST,
    Promise.SESSION_ORDER,
    Promise.NEVER_PAY_TWICE,
)
BOOKS, LIMITS, SAFE, DELTAS = (
    Promise.BOOKS_BALANCE,
    Promise.LIMITS_HOLD,
    Promise.COMMITTED_IS_SAFE,
    Promise.DELTAS,
)


@dataclass(frozen=True, slots=True)
class Plant:
    """`where` and `request_id`: what an example of the first promise must name."""

    name: str
    break_it: Callable[[World], Record | None]
    promises: tuple[Promise, ...]
    topic: Kind | None = None
    request_id: str | None = None
    says: str = ""


def response(world: World, request_id: str) -> Record:
    return world.find(Kind.RESPONSES, request_id=request_id)


def change(kind: Kind, edit: Callable[[Fields], None], /, **fields: Any) -> Callable[[World], Record]:
    return lambda world: world.edit(kind, world.find(kind, **fields), edit)


def drop(kind: Kind, /, **fields: Any) -> Callable[[World], Record]:
    return lambda world: world.remove(world.find(kind, **fields), kind)


def again(kind: Kind, /, **fields: Any) -> Callable[[World], Record]:
    return lambda world: world.copy(kind, world.find(kind, **fields))


def put(name: str, value: Any) -> Callable[[Fields], None]:
    return lambda fields: fields.__setitem__(name, value)


# -- one outcome


def lose_a_response(world: World) -> Record:
    world.remove(response(world, "r2"), Kind.RESPONSES)
    world.remove(world.find(Kind.DEADLETTER, request_id="r2"), Kind.DEADLETTER)
    return world.find(Kind.REQUESTS, request_id="r2")


def abort_a_request(world: World) -> Record:
    world.remove(world.find(Kind.REQUESTS, request_id="g3"), Kind.REQUESTS)
    return response(world, "g3")


def answer_what_is_none(world: World) -> Record:
    undecodable = next(one for one in world.records[Kind.REQUESTS] if one.value == b"no json")
    answered = world.copy(Kind.RESPONSES, response(world, "r4"))
    return world.edit(Kind.RESPONSES, answered, lambda it: it["source"].update(offset=undecodable.offset))


def answer_anothers(world: World) -> Record:
    another = world.find(Kind.REQUESTS, request_id="r5")
    return world.edit(
        Kind.RESPONSES, response(world, "r4"), lambda it: it["source"].update(offset=another.offset)
    )


def replay_unasked(world: World) -> Record:
    world.answer(world.find(Kind.REQUESTS, request_id="r2"), generation=1, run_s=0.1)
    return world.records[Kind.RESPONSES][-1]


def bury_a_good_request(world: World) -> Record:
    asked = world.find(Kind.REQUESTS, request_id="r3")
    return world.bury(asked, Code.UNDECODABLE)


def bury_a_completed_request(world: World) -> Record:
    asked = world.find(Kind.REQUESTS, request_id="g0")
    return world.bury(asked, Code.INTERNAL, json.loads(asked.value or b""))


def bury_what_was_aborted(world: World) -> Record:
    asked = world.find(Kind.REQUESTS, request_id="r4")
    return world.bury(asked._replace(offset=500), Code.UNDECODABLE)


def answer_elsewhere(world: World) -> Record:
    answered = world.remove(response(world, "r4"), Kind.RESPONSES)
    other = (answered.partition + 1) % 3
    return world.write(Kind.RESPONSES, other, answered.key, answered.value)


# -- nothing lost


def change_a_byte(world: World) -> Record:
    letter = world.find(Kind.DEADLETTER, code="undecodable")
    world.edit(Kind.DEADLETTER, letter, lambda it: it["original"].update(value="bm8ganNvTg=="))
    return next(one for one in world.records[Kind.REQUESTS] if one.value == b"no json")


def drop_a_letter(world: World) -> Record:
    world.remove(world.find(Kind.DEADLETTER, code="key_mismatch"), Kind.DEADLETTER)
    return next(
        one for one in world.records[Kind.REQUESTS] if one.key == b"globex" and b"r10" in (one.value or b"")
    )


def forget_a_request(world: World) -> Record:
    return world.ask("acme", "r99")


def forget_undecodable(world: World) -> Record:
    return world.send(b"acme", b"[]")


# -- session order


def swap_responses(world: World) -> Record:
    first, third = response(world, "r1"), response(world, "r3")
    world.swap(Kind.RESPONSES, first, third)
    return response(world, "r1")


def overlap(world: World) -> Record:
    begun = json.loads(response(world, "r2").value or b"")["started_at"].replace("02.000Z", "01.500Z")
    return world.edit(
        Kind.RESPONSES,
        response(world, "r2"),
        lambda it: it.update(started_at=begun, runs=[{"start": begun, "end": it["finished_at"]}]),
    )


def start_early(world: World) -> Record:
    early = {"start": "2026-11-21T07:59:00.000Z", "end": "2026-11-21T07:59:01.000Z"}
    return world.edit(
        Kind.RESPONSES, response(world, "r3"), lambda it: it.update(started_at=early["start"], runs=[early])
    )


# -- paid twice, the books


def pay_again(world: World) -> None:
    world.bill(Call("acme%2Fr1%2F0.2/m0.2"))


def bill_the_same_id(world: World) -> None:
    world.bill(Call("acme%2Fr1%2F0.1/m1.1"))


def book_other_tokens(world: World) -> Record:
    world.edit(Kind.RESPONSES, response(world, "g1"), lambda it: it["usage"].update(output_tokens=11))
    return world.edit(Kind.USAGE, world.find(Kind.USAGE, request_id="g1"), put("output_tokens", 11))


def forget_to_bill(world: World) -> Record:
    world.ledger = [line for line in world.ledger if "g1" not in line["call_id"]]
    return world.find(Kind.USAGE, request_id="g1")


def bill_unbooked(world: World) -> None:
    world.bill(Call("acme%2Fr3%2F0.1/m7.1"))


def book_for_nobody(world: World) -> Record:
    asked = world.find(Kind.REQUESTS, request_id="r1")
    world.pay(asked, {"request_id": "nobody", "tenant_id": "acme"}, Call("acme%2Fnobody%2F0.1/m0.1"))
    return world.records[Kind.USAGE][-1]


# -- limits


def admit_too_many(world: World) -> Record:
    world.answer(world.ask("globex", "g9"), run_s=0.1)
    return response(world, "g9")


def refuse_in_vain(world: World) -> Record:
    world.pass_time(300)
    asked = world.ask("globex", "g8")
    world.answer(asked, Status.REFUSED, code=Code.LIMIT_REQUESTS, run_s=0)
    return response(world, "g8")


# -- deltas


def say_other_words(world: World) -> Record:
    said = world.find(Kind.DELTAS, request_id="r3", seq=2)
    world.edit(Kind.DELTAS, said, lambda it: it["data"].update(text="x" * len(it["data"]["text"])))
    return world.find(Kind.DELTAS, request_id="r3", kind="end")


def say_behind_the_end(world: World) -> Record:
    asked = world.find(Kind.REQUESTS, request_id="r1")
    body = json.loads(asked.value or b"")
    return world.say(asked, body, DeltaKind.TEXT, {"text": "?"}, seq=4, turn=1)


def begin_again_silently(world: World) -> Record:
    end = world.remove(world.find(Kind.DELTAS, request_id="r1", kind="end"), Kind.DELTAS)
    return world.write(
        Kind.DELTAS,
        end.partition,
        end.key,
        (end.value or b"").replace(b'"attempt":1,"seq":3', b'"attempt":2,"seq":0'),
    )


def stream_unasked(world: World) -> Record:
    asked = world.find(Kind.REQUESTS, request_id="r2")
    return world.say(asked, json.loads(asked.value or b""), DeltaKind.TEXT, {"text": "?"}, seq=0)


PLANTS = (
    Plant("no response", lose_a_response, (ONE, LOST, SAFE), Kind.REQUESTS, "r2"),
    Plant("second response", again(Kind.RESPONSES, request_id="r1"), (ONE,), Kind.RESPONSES, "r1"),
    Plant(
        "other digest",
        change(Kind.RESPONSES, put("request_sha256", "0" * 64), request_id="r4"),
        (ONE,),
        Kind.RESPONSES,
        "r4",
    ),
    Plant(
        "other response id",
        change(Kind.RESPONSES, put("response_id", "resp_0"), request_id="r4"),
        (ONE,),
        Kind.RESPONSES,
        "r4",
    ),
    Plant("aborted request answered", abort_a_request, (ONE, BOOKS), Kind.RESPONSES, "g3"),
    Plant("undecodable answered", answer_what_is_none, (ONE,), Kind.RESPONSES, "r4", "cannot be decoded"),
    Plant("another's record answered", answer_anothers, (ONE,), Kind.RESPONSES, "r4", "acme/r5"),
    Plant(
        "answered elsewhere", answer_elsewhere, (ONE, LOST, SAFE), Kind.RESPONSES, "r4", "stands on partition"
    ),
    Plant("failed, no dead letter", drop(Kind.DEADLETTER, request_id="r2"), (ONE,), Kind.RESPONSES, "r2"),
    Plant(
        "failed, two dead letters",
        again(Kind.DEADLETTER, request_id="r2"),
        (ONE,),
        Kind.RESPONSES,
        "r2",
        "2 dead letters",
    ),
    Plant("completed, dead letter", bury_a_completed_request, (ONE,), Kind.DEADLETTER, "g0"),
    Plant("good request buried", bury_a_good_request, (ONE,), Kind.DEADLETTER, "r3", "can be decoded"),
    Plant("dead letter of nothing", bury_what_was_aborted, (ONE,), Kind.DEADLETTER),
    Plant(
        "conflict unsaid",
        drop(Kind.DEADLETTER, code="duplicate_conflict"),
        (ONE, LOST, SAFE),
        Kind.REQUESTS,
        "r1",
        "another body",
    ),
    Plant("unasked generation", replay_unasked, (ONE,), Kind.RESPONSES, "r2", "nobody replayed"),
    Plant(
        "no response at all",
        lambda world: world.write(Kind.RESPONSES, 0, b"acme", b"{}"),
        (ONE,),
        Kind.RESPONSES,
    ),
    Plant("dead letter dropped", drop_a_letter, (LOST, SAFE), Kind.REQUESTS),
    Plant("dead letter with another byte", change_a_byte, (LOST,), Kind.REQUESTS),
    Plant(
        "two dead letters", again(Kind.DEADLETTER, code="key_mismatch"), (LOST,), Kind.REQUESTS, says="2 dead"
    ),
    Plant("request forgotten", forget_a_request, (SAFE, LOST, ONE), Kind.REQUESTS, "r99"),
    Plant("bytes forgotten", forget_undecodable, (SAFE, LOST), Kind.REQUESTS),
    Plant("responses swapped", swap_responses, (ORDER,), Kind.RESPONSES, "r1"),
    Plant("runs overlap", overlap, (ORDER,), Kind.RESPONSES, "r2", "500 ms"),
    Plant("started before its turn", start_early, (ORDER,), Kind.RESPONSES, "r3"),
    Plant("paid again", pay_again, (PAID, BOOKS), None, "r1", "m0.2"),
    Plant("same call billed twice", bill_the_same_id, (PAID, BOOKS), None, "r1", "m1.1"),
    Plant("usage dropped", drop(Kind.USAGE, request_id="g2"), (BOOKS,), Kind.RESPONSES, "g2"),
    Plant("usage twice", again(Kind.USAGE, request_id="g2"), (BOOKS,), Kind.USAGE, "g2", "a second time"),
    Plant("other tokens", book_other_tokens, (BOOKS,), Kind.USAGE, "g1", "100/0/10/0"),
    Plant("not billed", forget_to_bill, (BOOKS,), Kind.USAGE, "g1"),
    Plant("not booked", bill_unbooked, (BOOKS,), None, "r3", "m7.1"),
    Plant("booked for nobody", book_for_nobody, (BOOKS,), Kind.USAGE, "nobody"),
    Plant(
        "response sums wrong",
        change(Kind.RESPONSES, lambda it: it["usage"].update(cost_usd="7"), request_id="r3"),
        (BOOKS,),
        Kind.RESPONSES,
        "r3",
    ),
    Plant("one too many admitted", admit_too_many, (LIMITS,), Kind.RESPONSES, "g9"),
    Plant("refused in vain", refuse_in_vain, (LIMITS,), Kind.RESPONSES, "g8"),
    Plant(
        "delta dropped", drop(Kind.DELTAS, request_id="r1", seq=1), (DELTAS,), Kind.DELTAS, "r1", "missing"
    ),
    Plant("delta twice", again(Kind.DELTAS, request_id="r1", seq=0), (DELTAS,), Kind.DELTAS, "r1"),
    Plant("end dropped", drop(Kind.DELTAS, request_id="r5"), (DELTAS,), Kind.RESPONSES, "r5", "no end"),
    Plant("end twice", again(Kind.DELTAS, request_id="r3", kind="end"), (DELTAS,), Kind.DELTAS, "r3"),
    Plant(
        "other end",
        change(Kind.DELTAS, put("data", {"status": "failed"}), request_id="r3", kind="end"),
        (DELTAS,),
        Kind.DELTAS,
        "r3",
        "failed",
    ),
    Plant(
        "other text",
        say_other_words,
        (DELTAS,),
        Kind.DELTAS,
        "r3",
        "not the output",
    ),
    Plant("said behind the end", say_behind_the_end, (DELTAS,), Kind.DELTAS, "r1"),
    Plant("second attempt unsaid", begin_again_silently, (DELTAS,), Kind.DELTAS, "r1", "superseded"),
    Plant("streamed unasked", stream_unasked, (DELTAS,), Kind.DELTAS, "r2"),
)


def planted(plant: Plant) -> tuple[World, Record | None]:
    """The broken world, and the record that must be named."""
    world = clean()
    return world, plant.break_it(world)
