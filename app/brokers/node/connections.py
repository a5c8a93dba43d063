"""One client's connection: frames in, answers out, one after the other as Kafka does it."""

import asyncio
import struct
from io import BytesIO
from typing import Any

from aiokafka.protocol.admin import ApiVersionResponse_v0
from aiokafka.protocol.types import String, TaggedFields

from app.brokers.node.refusals import Code
from app.brokers.node.requests import API_VERSIONS, APIS, JOIN_GROUP, version_ranges
from app.brokers.node.state import Node

HEADER = struct.Struct(">hhi")  # key, version, correlation
CORRELATION = struct.Struct(">i")
NO_TAGS = b"\0"
MAX_FRAME_BYTES = 100 * 1024 * 1024  # as Kafka's socket.request.max.bytes


class Unintelligible(Exception):
    """The client speaks of something that this node does not know; the connection ends."""


async def serve(node: Node, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a client until it goes."""
    try:
        while True:
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            if not HEADER.size < size <= MAX_FRAME_BYTES:
                raise Unintelligible(f"a frame of {size} bytes")
            answer = await answered(node, await reader.readexactly(size))
            if answer is not None:
                writer.write(struct.pack(">i", len(answer)) + answer)
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, Unintelligible, asyncio.CancelledError):
        pass  # the client went, or is no client of ours, or the node ends
    finally:
        writer.close()


async def answered(node: Node, frame: bytes) -> bytes | None:
    """The answer to one request; None where the client wants none."""
    key, version, correlation = HEADER.unpack_from(frame)
    api = APIS.get(key)
    layout = api.structs.get(version) if api else None
    if api is None or layout is None:
        return _unsupported(key, version, correlation)
    client_id, request = _decoded(layout, BytesIO(frame[HEADER.size :]))
    names_client = (client_id,) if key == JOIN_GROUP else ()
    fields = await api.answer(node, request, *names_client)
    if fields is None:
        return None
    tags = NO_TAGS if layout.FLEXIBLE_VERSION else b""
    return CORRELATION.pack(correlation) + tags + bytes(layout.RESPONSE_TYPE(*fields).encode())


def _decoded(layout: Any, body: BytesIO) -> tuple[str, Any]:
    try:
        client_id = String("utf-8").decode(body) or ""
        if layout.FLEXIBLE_VERSION:
            TaggedFields.decode(body)
        return client_id, layout.decode(body)
    except (struct.error, ValueError) as error:
        raise Unintelligible(str(error)) from error


def _unsupported(key: int, version: int, correlation: int) -> bytes:
    """A newer client asks for versions in a version that we do not have: tell it ours, as Kafka does."""
    if key != API_VERSIONS:
        raise Unintelligible(f"request {key} version {version}")
    answer = ApiVersionResponse_v0(Code.UNSUPPORTED_VERSION, version_ranges())
    return CORRELATION.pack(correlation) + bytes(answer.encode())
