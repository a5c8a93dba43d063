"""Requests are told apart by key and version, and newer clients are led to ours."""

import struct
from typing import Any

import pytest
from aiokafka.protocol.admin import ApiVersionResponse_v0
from aiokafka.protocol.metadata import MetadataRequest_v1, MetadataResponse_v1
from aiokafka.protocol.types import String

from app.brokers.node import connections, requests
from app.brokers.node.refusals import Code
from app.brokers.node.state import Node

CORRELATION = 77


def frame(key: int, version: int, body: bytes = b"") -> bytes:
    return struct.pack(">hhi", key, version, CORRELATION) + bytes(String("utf-8").encode("a test")) + body


async def answered(request: bytes) -> tuple[int, bytes]:
    answer = await connections.answered(Node("127.0.0.1", 9092), request)
    assert answer is not None
    return struct.unpack_from(">i", answer)[0], answer[4:]


async def test_an_answer_names_the_request_that_it_is_for() -> None:
    request: Any = MetadataRequest_v1([])

    correlation, body = await answered(frame(3, 1, request.encode()))

    metadata = MetadataResponse_v1.decode(body)
    assert correlation == CORRELATION
    assert metadata.brokers == [(1, "127.0.0.1", 9092, None)]


async def test_a_client_that_asks_for_versions_too_new_is_told_ours() -> None:
    _, body = await answered(frame(18, 4, b"\0" * 20))

    versions = ApiVersionResponse_v0.decode(body)
    assert versions.error_code == Code.UNSUPPORTED_VERSION
    assert versions.api_versions == requests.version_ranges()


@pytest.mark.parametrize(
    "request_",
    [frame(999, 0), frame(3, 99), frame(3, 1, b"\x7f\xff\xff\xff"), frame(3, 1)],
    ids=["unknown request", "unknown version", "impossible length", "cut short"],
)
async def test_what_nobody_understands_ends_the_connection(request_: bytes) -> None:
    with pytest.raises(connections.Unintelligible):
        await connections.answered(Node("127.0.0.1", 9092), request_)


def test_every_version_within_a_range_that_clients_use_is_there() -> None:
    for key, low, high in requests.version_ranges():
        structs = requests.APIS[key].structs
        assert {low, high} <= set(structs)
        assert all(key == struct_.API_KEY for struct_ in structs.values())
