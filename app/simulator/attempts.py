"""Counts how often a call that is to fail was attempted, so that its Nth attempt can succeed."""

import re
from collections import OrderedDict

REMEMBERED = 100_000
_TRY = re.compile(r"[^A-Za-z0-9](?:try|attempt|t)?\d+$")


class Attempts:
    """Calls are told apart by their id without its trailing try number, and by their input."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str | None, str], int] = OrderedDict()

    def count(self, call_id: str | None, input_sha256: str) -> int:
        """How many attempts of this call came before; counts this one."""
        key = (call_id and _TRY.sub("", call_id), input_sha256)
        before = self._seen.pop(key, 0)
        self._seen[key] = before + 1
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return before
