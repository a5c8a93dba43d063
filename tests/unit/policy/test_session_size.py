"""Of a session that is too large the oldest turns leave, never the newest."""

import pytest

from streams.policy.session_size import leaving


@pytest.mark.parametrize(
    ("sizes", "most", "leave"),
    [
        ([], 10, 0),
        ([5], 10, 0),
        ([5, 5], 10, 0),
        ([5, 5, 1], 10, 1),
        ([5, 5, 6], 10, 2),
        ([50], 10, 0),
        ([1, 50], 10, 1),
        ([50, 1], 10, 1),
    ],
)
def test_as_few_leave_as_makes_room(sizes: list[int], most: int, leave: int) -> None:
    assert leaving(sizes, most) == leave
