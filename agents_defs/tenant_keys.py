"""Keys of models that tenants bring: a plan names a file, in which the key stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
LONGEST = 4096


class KeyUnusable(Exception):
    """A run's tenant names a key that cannot be read: no other is used instead."""


class TenantKeys(Protocol):
    """Where references lead."""

    def key(self, reference: str) -> str:
        """The key. ValueError says why there is none, without it."""
        ...


class KeyFolder:
    """A folder of files, as secret stores mount them; read anew when a file changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[tuple[int, int], str]] = {}

    def key(self, reference: str) -> str:
        """What stands in the file of this name."""
        if not REFERENCE.fullmatch(reference):
            raise ValueError(f"{reference!r} is no name of a file below PENSTOCK_SECRETS_DIR")
        path = self._folder / reference
        try:
            if not path.resolve().is_relative_to(self._folder.resolve()):
                raise ValueError(f"{reference} leads out of PENSTOCK_SECRETS_DIR")
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            known = self._read.get(reference)
            if known is None or known[0] != stamp:
                known = self._read[reference] = (stamp, key_in(path))
        except OSError as error:
            raise ValueError(f"{reference} below PENSTOCK_SECRETS_DIR: {error.strerror}") from None
        return known[1]


def key_in(path: Path) -> str:
    """The one line of a file. Raises OSError, or ValueError that holds no word of it where it is no key."""
    with path.open("rb") as file:
        text = file.read(LONGEST + 1).strip()
    if not 0 < len(text) <= LONGEST or not all(0x21 <= one <= 0x7E for one in text):
        raise ValueError(f"{path.name} holds no key: write one line into it")
    return text.decode("ascii")
