"""Writes a file whole or not at all, once for its key, within its tenant's quota.

What is to be written is noted first, with what stood there: after a crash the note tells whether it was done.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

from agents_defs.file_names import FileRefused, text_in
from agents_defs.file_room import MOST_READ, place_of, read_at, refuse_lookalike

if TYPE_CHECKING:
    from agents_defs.file_room import Room

MOST_ENTRIES = 2000
NOTES = ".notes"
PART = ".part-"
MOST_NOTES = 1000
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
NOTHING = "nothing"


def write(room: Room, path: str, text: str, key: str, overwrite: bool = False) -> str:
    """What was done: "written", or "was written" where the same call did it before. Raises FileRefused."""
    folders, name = place_of(path)
    raw = text.encode("utf-8", "surrogatepass")
    text_in(raw)
    if len(raw) > MOST_READ:
        raise FileRefused(f"a file is {MOST_READ} bytes at most")
    key = sha256(key.encode()).hexdigest()[:32]
    wanted = _digest(raw)
    with _alone(room):
        noted = _noted(room, key)
        if noted is None:  # before any folder is made
            _refuse_beyond_quota(room, (*folders, name), len(raw))
        elif noted[:2] != [path, wanted]:
            raise FileRefused("this very call was made before, with other arguments")
        with room.folder(folders, make=True) as within:
            standing = _standing(name, within)
            if noted is None:
                if standing != NOTHING and not overwrite:
                    raise FileRefused("there is such a file: read it first, then write it with overwrite")
                refuse_lookalike(name, within)
                _note(room, key, [path, wanted, standing])
            elif standing == wanted:
                return "was written"
            elif standing != noted[2]:
                raise FileRefused("the file has been changed since this call was made: read it again")
            _replace(name, within, raw, key)
            return "written"


@contextmanager
def _alone(room: Room) -> Iterator[None]:
    """One writer in a room at a time, whichever process it is in."""
    file = os.open(".lock", _LOCK, 0o600, dir_fd=room.top)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _standing(name: str, within: int) -> str:
    """The digest of what is there. Raises FileRefused where it is nothing that may be replaced."""
    try:
        os.stat(name, dir_fd=within, follow_symlinks=False)
    except FileNotFoundError:
        return NOTHING
    return _digest(read_at(name, within, MOST_READ))


def _refuse_beyond_quota(room: Room, parts: tuple[str, ...], size: int) -> None:
    """Everything counts that takes up room, whatever its name and kind; not what is to be replaced."""
    used, number = 0, 0
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        folder = waiting.pop()
        with room.folder(folder) as within, os.scandir(within) as entries:
            for entry in entries:
                place = (*folder, entry.name)
                number += 1
                if number > MOST_ENTRIES:
                    raise FileRefused(f"no more than {MOST_ENTRIES} files and folders")
                if entry.is_dir(follow_symlinks=False):
                    waiting += [place] if place != (NOTES,) else []
                elif place != parts:
                    used += entry.stat(follow_symlinks=False).st_size
    left = room.quota_bytes - used
    if size > left:
        raise FileRefused(f"the quota is used up: {max(0, left)} bytes are left")


def _replace(name: str, within: int, raw: bytes, key: str) -> None:
    """Under another name first, then renamed: who reads meanwhile sees the old one or the new one."""
    for left in os.listdir(within):
        if left.startswith(PART):  # of an attempt that was cut off: nobody else writes now
            os.unlink(left, dir_fd=within)
    part = f"{PART}{key}"
    file = os.open(part, _NEW, 0o600, dir_fd=within)
    with os.fdopen(file, "wb") as content:
        content.write(raw)
        content.flush()
        os.fsync(content.fileno())
    os.rename(part, name, src_dir_fd=within, dst_dir_fd=within)
    os.fsync(within)


def _noted(room: Room, key: str) -> list[str] | None:
    with _notes(room) as notes, contextlib.suppress(FileNotFoundError):
        os.stat(key, dir_fd=notes, follow_symlinks=False)
        with contextlib.suppress(ValueError):  # cut off while it was written: nothing was done after it
            noted: list[str] = json.loads(read_at(key, notes, MOST_READ))
            return noted
    return None


def _note(room: Room, key: str, noted: list[str]) -> None:
    with _notes(room) as notes:
        _forget_oldest(notes)
        _replace(key, notes, json.dumps(noted).encode(), key)


def _forget_oldest(notes: int) -> None:
    names = os.listdir(notes)
    if len(names) < MOST_NOTES:
        return
    by_age = sorted(names, key=lambda name: os.stat(name, dir_fd=notes, follow_symlinks=False).st_mtime_ns)
    for name in by_age[: len(names) - MOST_NOTES + 1]:
        os.unlink(name, dir_fd=notes)


@contextmanager
def _notes(room: Room) -> Iterator[int]:
    with contextlib.suppress(FileExistsError):
        os.mkdir(NOTES, 0o700, dir_fd=room.top)
    with room.folder((NOTES,)) as notes:
        yield notes


def _digest(raw: bytes) -> str:
    return sha256(raw).hexdigest()
