"""Each contract is one suite for the double and for the real thing; the real half is marked `broker`."""

from collections.abc import AsyncIterator

import pytest

from streams.ports import ClaimStore, RunStore, Shelf
from tests.contract.claim_stores import ClaimCase, MemoryCase, RedisCase

# A session's first real test starts its servers.
SETUP_AND_TEST_S = 120


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests against real servers have time to start them."""
    for item in items:
        if item.get_closest_marker("broker") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SETUP_AND_TEST_S))


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.broker)])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[ClaimCase]:
    """A store of claims and runs, which several workers share."""
    if request.param == "memory":
        yield MemoryCase()
        return
    real = RedisCase(request.getfixturevalue("redis_url"))
    yield real
    await real.close()


@pytest.fixture
async def claims(case: ClaimCase) -> ClaimStore:
    """A worker's claims; partition 0 is rebuilt, with nothing on it."""
    client = case.worker()
    await client.rebuilt(Shelf("responses", 0), 0)
    return client


@pytest.fixture
async def runs(case: ClaimCase, claims: ClaimStore) -> RunStore:
    """The same worker's runs."""
    return case.runs()
