"""Parcel <-> bytes: a decided outcome as the run store keeps it until it is published."""

import json
from base64 import b64decode, b64encode
from typing import Any

import orjson

from schemas.text import writable_json
from streams.conversations import LateTurn, late_turn
from streams.flow import Answered, Emission, Parcel


def encode_parcel(parcel: Parcel, late: LateTurn | None = None) -> bytes:
    """A line of JSON that describes the records, then their values, one after the other.

    `late`: what is to be added to its session before it is published.
    """
    answered = parcel.answered
    described: dict[str, Any] = {
        "partition": parcel.partition,
        "answered": None
        if answered is None
        else [
            answered.tenant_id,
            answered.request_id,
            answered.sha256,
            answered.generation,
            answered.replayable,
        ],
        "emissions": [_described(emission) for emission in parcel.emissions],
    }
    if late is not None:
        described["late"] = late.described()
    return _line(described) + b"\n" + b"".join(emission.value or b"" for emission in parcel.emissions)


def _line(described: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(described)
    except TypeError:  # half a letter that a model said
        return json.dumps(writable_json(described)).encode()


def late_turn_of(raw: bytes) -> LateTurn | None:
    """What is to be added to a session before this outcome is published."""
    told = orjson.loads(raw.partition(b"\n")[0]).get("late")
    return None if told is None else late_turn(told)


def decode_parcel(raw: bytes) -> Parcel:
    """The reverse."""
    head, _, values = raw.partition(b"\n")
    described = orjson.loads(head)
    emissions, start = [], 0
    for told in described["emissions"]:
        size = told["size"]
        value = None if size is None else values[start : start + size]
        start += size or 0
        emissions.append(
            Emission(
                told["topic"],
                told["partition"],
                _bytes(told["key"]),
                value,
                [(name, b64decode(header)) for name, header in told["headers"]],
                told["packed"],
            )
        )
    answered = described["answered"]
    return Parcel(described["partition"], tuple(emissions), None if answered is None else Answered(*answered))


def _described(emission: Emission) -> dict[str, Any]:
    return {
        "topic": emission.topic,
        "partition": emission.partition,
        "key": None if emission.key is None else b64encode(emission.key).decode(),
        "size": None if emission.value is None else len(emission.value),
        "headers": [[name, b64encode(value).decode()] for name, value in emission.headers],
        "packed": emission.packed,
    }


def _bytes(told: str | None) -> bytes | None:
    return None if told is None else b64decode(told)
