"""Every kind of record that no request is made of, between good ones, on real topics."""

import base64
import struct
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from tests.broker.crew import Crew, Sent, request
from tests.doubles import bad_records
from tests.doubles.bad_records import BadRecord
from tests.doubles.requests import record

CHECKSUM_AT = 17  # in a record batch of version 2


@pytest.fixture
def name() -> str:
    """What no other test calls its requests."""
    return uuid4().hex[:10]


def sent(bad: BadRecord) -> Sent:
    if bad.value is None:
        return Sent(None, b"acme", None, bad.headers)  # type: ignore[arg-type]  # as on the wire
    made = record(0, bad.value, key=bad.key, headers=bad.headers)
    return Sent(made.value, made.key, None, made.headers)


async def test_each_bad_record_has_one_dead_letter_with_its_bytes_and_its_neighbours_are_answered(
    standing_crew: Crew, name: str
) -> None:
    crew, batch = standing_crew, []
    for number, bad in enumerate(bad_records.DEAD_LETTERED):
        batch += [request(f"{name}-{number}"), sent(bad)]

    places = await crew.send(*batch)

    good = await crew.responses_to(f"{name}-{number}" for number in range(len(bad_records.DEAD_LETTERED)))
    letters = await crew.letters_for(places[1::2])
    assert {one["status"] for one in good.values()} == {"completed"}
    told = {bad.name: letter["code"] for bad, letter in zip(bad_records.DEAD_LETTERED, letters, strict=True)}
    assert told == {bad.name: bad.code for bad in bad_records.DEAD_LETTERED}
    for one, letter in zip(batch[1::2], letters, strict=True):
        original = letter["original"]
        assert decoded(original.get("value")) == one.value
        assert decoded(original.get("key")) == one.key
        assert [header["name"] for header in original.get("headers", ())] == [key for key, _ in one.headers]
        assert letter["source"]["topic"] == crew.topic("requests")
    await crew.caught_up()


def decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


async def test_a_bad_record_s_letter_stands_on_its_partition_under_its_key(
    standing_crew: Crew, name: str
) -> None:
    key = f"{name}-key".encode()

    (place,) = await standing_crew.send(Sent(b"rubbish", key))
    await standing_crew.letters_for([place])

    (letter,) = [one for one in await standing_crew.read("deadletter") if one.key == key]
    assert letter.partition == place.partition
    headers = dict(letter.headers)
    assert (headers["schema"], headers["code"]) == (b"dead-letter/1", b"undecodable")


async def test_a_record_on_another_partition_than_java_s_names_the_setting(
    standing_crew: Crew, name: str
) -> None:
    right = request(f"{name}-right", "globex")
    (place,) = await standing_crew.send(right)
    wrong = request(f"{name}-wrong", "globex")
    elsewhere = (place.partition + 1) % standing_crew.kafka.partitions

    (misplaced,) = await standing_crew.send(Sent(wrong.value, wrong.key, elsewhere))

    (letter,) = await standing_crew.letters_for([misplaced])
    assert letter["code"] == "wrong_partition"
    assert "partitioner=murmur2_random" in letter["message"]
    assert letter["request_id"] == f"{name}-wrong"
    await standing_crew.responses_to([f"{name}-right"])


async def test_every_tenant_stands_where_java_s_default_partitioner_puts_it(
    standing_crew: Crew, name: str
) -> None:
    tenants = [f"{name}:{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]

    places = await standing_crew.send(
        *(request(f"{name}-{number}", tenant) for number, tenant in enumerate(tenants))
    )

    answered = await standing_crew.responses_to(f"{name}-{number}" for number in range(len(tenants)))
    assert {one["status"] for one in answered.values()} == {"completed"}
    assert len({place.partition for place in places}) == standing_crew.kafka.partitions


FIELDS: list[tuple[str, Any]] = [
    (field, value) for field, values in bad_records.INVALID_FIELDS.items() for value in values
]


async def test_each_field_that_cannot_be_accepted_is_refused_by_its_name(
    standing_crew: Crew, name: str
) -> None:
    requests = [request(f"{name}-{number}", **{field: value}) for number, (field, value) in enumerate(FIELDS)]

    await standing_crew.send(*requests, request(f"{name}-agent", agent="nobody"))

    answered = await standing_crew.responses_to(
        [f"{name}-{number}" for number in range(len(FIELDS))] + [f"{name}-agent"]
    )
    for number, (field, value) in enumerate(FIELDS):
        response = answered[f"{name}-{number}"]
        assert (response["status"], response["error"]["code"]) == ("refused", "invalid_field"), (field, value)
        assert field in response["error"]["message"]
    assert answered[f"{name}-agent"]["error"]["code"] == "unknown_agent"
    letters = [one for one in await standing_crew.read("deadletter") if name.encode() in (one.value or b"")]
    assert letters == []


async def test_the_same_id_again_is_answered_once_and_with_another_body_dead_lettered(
    standing_crew: Crew, name: str
) -> None:
    asked = request(f"{name}-1")
    places = await standing_crew.send(asked, asked, request(f"{name}-1", text="something else"), asked)

    await standing_crew.responses_to([f"{name}-1"])
    (letter,) = await standing_crew.letters_for([places[2]])
    await standing_crew.caught_up()

    assert letter["code"] == "duplicate_conflict"
    assert len(await standing_crew.responses_to([f"{name}-1"])) == 1


async def test_a_header_name_that_is_no_text_stops_nobody(standing_crew: Crew, name: str) -> None:
    odd, next_one = request(f"{name}-odd"), request(f"{name}-next")
    (place,) = await standing_crew.send(request(f"{name}-0"))
    async with AIOKafkaProducer(bootstrap_servers=standing_crew.kafka.bootstrap) as producer:
        batch = producer.create_batch()
        batch.append(timestamp=None, key=odd.key, value=odd.value, headers=[("cafE", b"x")])
        batch._buffer = with_bytes_replaced(bytes(batch._build()), b"cafE", b"caf\xe9")
        await (await producer.send_batch(batch, place.topic, partition=place.partition))
    await standing_crew.send(next_one)

    answered = await standing_crew.responses_to([f"{name}-odd", f"{name}-next"])

    assert {one["status"] for one in answered.values()} == {"completed"}


def with_bytes_replaced(batch: bytes, old: bytes, new: bytes) -> bytes:
    """A record batch that no client of ours writes, with the checksum that belongs to it."""
    assert batch.count(old) == 1
    changed = bytearray(batch.replace(old, new))
    struct.pack_into(">I", changed, CHECKSUM_AT, calc_crc32c(changed[CHECKSUM_AT + 4 :]))
    return bytes(changed)


async def test_the_trace_of_a_request_is_handed_on(standing_crew: Crew, name: str) -> None:
    trace = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

    (_, bad) = await standing_crew.send(
        request(f"{name}-1", headers=[trace, ("schema", b"agent-request/1")]),
        Sent(b"rubbish", name.encode(), None, [trace]),
    )
    answered = await standing_crew.responses_to([f"{name}-1"])
    await standing_crew.letters_for([bad])

    assert answered[f"{name}-1"]["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    mine = [
        one
        for one in [*await standing_crew.read("responses"), *await standing_crew.read("deadletter")]
        if trace in one.headers
    ]
    assert len(mine) == 2
