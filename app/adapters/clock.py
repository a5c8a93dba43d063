"""The real clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """Monotonic seconds to measure with, UTC to write down."""

    now = staticmethod(time.monotonic)

    @staticmethod
    def at() -> datetime:
        """UTC now."""
        return datetime.now(UTC)
