"""Each contract is one suite for the double and for the real thing; the real half is marked `broker`."""

import pytest

# A session's first real test starts its servers.
SETUP_AND_TEST_S = 120


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests against real servers have time to start them."""
    for item in items:
        if item.get_closest_marker("broker") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SETUP_AND_TEST_S))
