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
                known = self._read[reference] = (stamp, self._content(path, found.st_size))
        except OSError as error:
            raise ValueError(f"{reference} below PENSTOCK_SECRETS_DIR: {error.strerror}") from None
        return known[1]

    @staticmethod
    def _content(path: Path, size: int) -> str:
        text = path.read_text(encoding="utf-8").strip() if size <= LONGEST else ""
        if not text or any(one.isspace() for one in text):
            raise ValueError(f"{path.name} holds no key: write one line into it")
        return text
