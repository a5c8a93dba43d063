"""Names for deliveries of records: no two are alike, on whichever worker."""

import uuid


class Tokens:
    """Those of one worker."""

    def __init__(self) -> None:
        self._incarnation = uuid.uuid4().hex[:12]
        self._number = 0

    def next(self) -> str:
        """A new one."""
        self._number += 1
        return f"{self._incarnation}-{self._number:x}"
