"""One tenant's files: each folder is opened in the one before it, so that no link leads out of the room.

Nothing is checked by its path and then opened by its path: between the two somebody could put a link there.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agents_defs.file_names import FileRefused, alike, check_type, parts_of, room_name, text_in

MOST_READ = 1024 * 1024
MOST_LISTED = 1000
MOST_SEARCHED = 8 * MOST_READ
MOST_FOUND = 50
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Opening a FIFO for reading would wait for a writer.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Entry:
    path: str
    folder: bool
    size: int


@dataclass(frozen=True, slots=True)
class Found:
    path: str
    line: int
    text: str


class FileRooms:
    """The folder of all rooms. It has to be there; who configures it may well make it a link."""

    def __init__(self, root: Path, quota_bytes: int) -> None:
        if not root.is_dir():
            raise ValueError(f"{root} is no folder")
        self._root, self._quota_bytes = root, quota_bytes

    @contextmanager
    def room(self, tenant_id: str) -> Iterator[Room]:
        name = room_name(tenant_id)
        with _opened(os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as root:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=root)
            with _opened(_folder(name, root)) as top:
                yield Room(top, self._quota_bytes)


class Room:
    """What one tenant may see: open as long as the `with` that gave it."""

    def __init__(self, top: int, quota_bytes: int) -> None:
        self.top, self.quota_bytes = top, quota_bytes

    def read(self, path: str) -> str:
        """Raises FileRefused."""
        folders, name = place_of(path)
        with self.folder(folders) as within:
            return text_in(read_at(name, within, MOST_READ))

    def listed(self, path: str = "") -> list[Entry]:
        """What is in a folder, without what is neither a file nor a folder. Raises FileRefused."""
        parts = parts_of(path)
        with self.folder(parts) as within:
            entries = list(entries_of(within, "/".join(parts)))
        return sorted(entries, key=lambda entry: (not entry.folder, entry.path))

    def search(self, words: str, path: str = "") -> list[Found]:
        """The lines that hold these words, whatever their case, in texts below a folder."""
        wanted, left = words.casefold(), MOST_SEARCHED
        found: list[Found] = []
        for entry in self.walk(parts_of(path)):
            if left < entry.size or len(found) >= MOST_FOUND:
                break
            left -= entry.size
            with contextlib.suppress(FileRefused):
                for number, line in enumerate(self.read(entry.path).splitlines(), 1):
                    if wanted in line.casefold():
                        found.append(Found(entry.path, number, line.strip()[:200]))
        return found[:MOST_FOUND]

    def walk(self, parts: tuple[str, ...] = ()) -> Iterator[Entry]:
        """The files below a folder, the nearest first; links are not followed."""
        waiting = [parts]
        seen = 0
        while waiting:
            folder = waiting.pop(0)
            try:
                with self.folder(folder) as within:
                    entries = list(entries_of(within, "/".join(folder)))
            except FileRefused:
                if folder == parts:
                    raise
                continue  # it was there a moment ago
            for entry in entries:
                seen += 1
                if seen > MOST_LISTED:
                    return
                if entry.folder:
                    waiting.append((*folder, entry.path.rpartition("/")[2]))
                else:
                    yield entry

    @contextmanager
    def folder(self, parts: tuple[str, ...], make: bool = False) -> Iterator[int]:
        """A folder of the room, opened step by step."""
        within = os.dup(self.top)
        try:
            for part in parts:
                if make:
                    refuse_lookalike(part, within)
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=within)
                step = _folder(part, within)
                os.close(within)
                within = step
            yield within
        finally:
            os.close(within)


def place_of(path: str) -> tuple[tuple[str, ...], str]:
    """The folders of a file, and its name. Raises FileRefused where it is no text by its name."""
    parts = parts_of(path)
    if not parts or path.endswith("/"):
        raise FileRefused("name a file, not a folder")
    check_type(parts[-1])
    return parts[:-1], parts[-1]


def read_at(name: str, within: int, most: int) -> bytes:
    """A file of a folder that is open. What was opened is judged, not what stood under the name before."""
    try:
        # A look before it is opened: opening a device may do something.
        if not stat.S_ISREG(os.stat(name, dir_fd=within, follow_symlinks=False).st_mode):
            raise FileRefused("this is no plain file")
        file = os.open(name, _READ, dir_fd=within)
    except FileNotFoundError:
        raise FileRefused("there is no such file") from None
    except OSError:
        raise FileRefused("this file cannot be read") from None
    with _opened(file):
        facts = os.fstat(file)
        if not stat.S_ISREG(facts.st_mode):
            raise FileRefused("this is no plain file")
        if facts.st_nlink > 1:
            raise FileRefused("this file has another name, maybe outside of these folders")
        with os.fdopen(os.dup(file), "rb") as content:
            raw = content.read(most + 1)
    if len(raw) > most:
        raise FileRefused(f"the file is larger than {most} bytes")
    return raw


def entries_of(within: int, path: str) -> Iterator[Entry]:
    """Files and folders with names that can be asked for."""
    with os.scandir(within) as entries:
        for number, entry in enumerate(entries):
            if number >= MOST_LISTED:
                return
            inner = f"{path}/{entry.name}" if path else entry.name
            try:
                parts_of(inner)
            except (FileRefused, UnicodeError):
                continue
            try:
                facts = entry.stat(follow_symlinks=False)
            except OSError:  # it was there a moment ago
                continue
            if stat.S_ISDIR(facts.st_mode):
                yield Entry(inner, True, 0)
            elif stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1:
                yield Entry(inner, False, facts.st_size)


def refuse_lookalike(name: str, within: int) -> None:
    """Raises FileRefused where a name would differ from another one only in case or in kind of letters."""
    for known in os.listdir(within):
        if known != name and alike(known) == alike(name):
            raise FileRefused("there is another one whose name looks the same: use that name")


def _folder(name: str, within: int) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=within)
    except FileNotFoundError:
        raise FileRefused("there is no such folder") from None
    except OSError:  # a link, a file, a folder that is not ours
        raise FileRefused("this is no folder that can be opened") from None


@contextmanager
def _opened(file: int) -> Iterator[int]:
    try:
        yield file
    finally:
        os.close(file)
