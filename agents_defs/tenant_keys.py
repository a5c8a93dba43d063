"""Keys of models that tenants bring: a plan names a file, in which the key stands."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
LONGEST = 4096
LOOK_S = 1.0
"""A key is asked for at each call, and looking at its file costs more than all else that is done for it."""


class KeyUnusable(Exception):
    """A run's tenant names a key that cannot be read: no other is used instead."""


class TenantKeys(Protocol):
    """Where references lead."""

    def key(self, reference: str) -> str:
        """The key. ValueError says why there is none, without it."""
        ...


@dataclass(frozen=True, slots=True)
class ReadKey:
    """A key, of which file, and when that was looked at."""

    key: str = field(repr=False)
    stamp: tuple[int, int, int]
    looked: float


class KeyFolder:
    """A folder of files, as secret stores mount them; a key that changes counts within `LOOK_S`.

    `now`: monotonic seconds; None: the event loop's.
    """

    def __init__(self, folder: Path, now: Callable[[], float] | None = None) -> None:
        self._folder = folder
        self._now = now
        self._read: dict[str, ReadKey] = {}  # only what was found below the folder

    def key(self, reference: str) -> str:
        """What stands in the file of this name."""
        now = (self._now or asyncio.get_running_loop().time)()
        known = self._read.get(reference)
        if known is None or now >= known.looked + LOOK_S:
            self._read.pop(reference, None)  # what cannot be read any more is not used any more
            known = self._read[reference] = self._looked(reference, known, now)
        return known.key

    def _looked(self, reference: str, known: ReadKey | None, now: float) -> ReadKey:
        if not REFERENCE.fullmatch(reference):
            raise ValueError(f"{reference!r} is no name of a file below PENSTOCK_SECRETS_DIR")
        try:
            path = Path(os.path.realpath(self._folder / reference, strict=True))
            if not path.is_relative_to(os.path.realpath(self._folder)):
                raise ValueError(f"{reference} leads out of PENSTOCK_SECRETS_DIR")
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            key = known.key if known is not None and known.stamp == stamp else key_in(path)
        except OSError as error:
            raise ValueError(f"{reference} below PENSTOCK_SECRETS_DIR: {error.strerror}") from None
        return ReadKey(key, stamp, now)


def key_in(path: Path) -> str:
    """The one line of a file. Raises OSError, or ValueError that holds no word of it where it is no key."""
    with path.open("rb") as file:
        text = file.read(LONGEST + 1).strip()
    if not 0 < len(text) <= LONGEST or not all(0x21 <= one <= 0x7E for one in text):
        raise ValueError(f"{path.name} holds no key: write one line into it")
    return text.decode("ascii")
