"""The requests that all contestants work off."""

import itertools
from datetime import UTC, datetime

import orjson

from benchmarks.requests import make_requests, on_each_partition, postponed
from schemas.envelope import read_request, validate_request
from schemas.partitions import partition_for


def test_every_request_is_valid_and_stands_where_its_tenant_belongs() -> None:
    requests = list(itertools.islice(make_requests(tenants=7, partitions=12), 20))

    for request in requests:
        parsed = validate_request(read_request(request.value, ()))
        assert parsed.tenant_id.encode() == request.key
        assert parsed.request_id == request.request_id
        assert partition_for(request.key, 12) == request.partition


def test_tenants_take_turns_and_ids_are_never_used_again() -> None:
    first = list(itertools.islice(make_requests(tenants=3, partitions=12), 6))
    second = list(itertools.islice(make_requests(tenants=3, partitions=12), 6))

    tenants = [orjson.loads(request.value)["tenant_id"] for request in first]
    assert tenants == ["tenant-0", "tenant-1", "tenant-2"] * 2
    assert len({request.request_id for request in first + second}) == 12


def test_a_postponed_request_is_the_same_but_for_its_time() -> None:
    (request,) = itertools.islice(make_requests(1, 4), 1)

    later = postponed(request, datetime(2026, 11, 21, 12, tzinfo=UTC))

    assert (later.request_id, later.key, later.partition) == (
        request.request_id,
        request.key,
        request.partition,
    )
    added = {"not_before": "2026-11-21T12:00:00.000Z"}
    assert orjson.loads(later.value) == orjson.loads(request.value) | added


def test_each_partition_gets_as_many() -> None:
    found = on_each_partition(make_requests(600, 12), 12, 2)

    assert sorted(request.partition for request in found) == sorted([*range(12)] * 2)
    assert len({request.request_id for request in found}) == 24
