"""Parcel <-> bytes: a decided outcome as the run store keeps it until it is published."""

from base64 import b64decode, b64encode
from typing import Any

import orjson

from streams.flow import Answered, Emission, Parcel


def encode_parcel(parcel: Parcel) -> bytes:
    """A line of JSON that describes the records, then their values, one after the other."""
    answered = parcel.answered
    described = {
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
    return orjson.dumps(described) + b"\n" + b"".join(emission.value or b"" for emission in parcel.emissions)


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
