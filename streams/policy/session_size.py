"""Which turns leave a session that has grown too large: the oldest, whole ones. Pure."""

from collections.abc import Sequence
from typing import Final

MOST_BYTES: Final = 4 * 1024 * 1024
"""About a million tokens: more than models are told."""


def leaving(sizes: Sequence[int], most: int) -> int:
    """How many of the oldest leave. The newest stays, however large it is."""
    left = sum(sizes)
    for number, size in enumerate(sizes):
        if left <= most or number == len(sizes) - 1:
            return number
        left -= size
    return 0
