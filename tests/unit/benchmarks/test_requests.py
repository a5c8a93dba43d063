"""The requests that all contestants work off."""

import itertools

import orjson

from benchmarks.requests import make_requests
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
