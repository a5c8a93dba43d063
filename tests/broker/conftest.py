"""Everything in this folder is marked `broker`, and has time to start servers."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
# The first test may have to fetch Kafka's jars.
SETUP_AND_TEST_S = 120


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test here, and leave others alone."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("broker")
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(SETUP_AND_TEST_S))
