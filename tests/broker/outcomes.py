"""Outcomes as a worker publishes them, without the worker."""

from collections.abc import Sequence

from schemas.versions import schema_header
from streams.answers import PLACE_HEADER, REQUEST_HEADER, SHA_HEADER
from streams.flow import Answered, Emission, Parcel
from streams.topics import TopicNames

SHA = "a" * 64


def response(topics: TopicNames, partition: int, request_id: str, tenant_id: str = "acme") -> Emission:
    """A response, told by its headers."""
    headers = [
        schema_header("agent-response"),
        (REQUEST_HEADER, request_id.encode()),
        (SHA_HEADER, SHA.encode()),
    ]
    return Emission(topics.responses, partition, tenant_id.encode(), b"{}", headers)


def letter(topics: TopicNames, partition: int, offset: int) -> Emission:
    """The dead letter of a record without an id."""
    place = f"{partition}:{offset}".encode()
    headers = [schema_header("dead-letter"), (PLACE_HEADER, place), (SHA_HEADER, SHA.encode())]
    return Emission(topics.deadletter, partition, b"acme", b"{}", headers)


def parcel(topics: TopicNames, partition: int, request_id: str) -> Parcel:
    """What a request comes to."""
    emission = response(topics, partition, request_id)
    return Parcel(partition, (emission,), Answered("acme", request_id, SHA))


def ids(records: Sequence[object]) -> list[str]:
    """Whose responses these are."""
    return [dict(record.headers)[REQUEST_HEADER].decode() for record in records]  # type: ignore[attr-defined]  # aiokafka's
