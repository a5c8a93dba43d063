"""A worker in memory for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.doubles.flume import Flume


@pytest.fixture
async def flume() -> AsyncIterator[Flume]:
    """One worker that owns every partition; its runs end when the test says so."""
    async with Flume() as running:
        yield running
