"""What is too much to hold in memory while a topic is read: a database on disk that nobody else sees.

It has no name in the file system, and is gone with the process. Keys are digests of 16 bytes.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Final

from app.operators.usage_sums import Sums, unpacked
from app.terminal.exits import Trouble

CACHE_KIB = 32 * 1024
MOST_GROUPS = 20_000  # held in memory; with more, all go to the disk

_TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE users (digest BLOB PRIMARY KEY, name TEXT) WITHOUT ROWID;
    CREATE TABLE sums (tenant TEXT, name TEXT, figures TEXT, PRIMARY KEY (tenant, name)) WITHOUT ROWID;
    BEGIN;
"""


def digest_of(*words: str) -> bytes:
    """Equal only for the same words."""
    digest = blake2b(digest_size=16)
    for word in words:
        data = word.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(data), data))
    return digest.digest()


class Scratch:
    """Which ids were seen, which user a request is of, and sums by tenant and name."""

    def __init__(self, most_groups: int = MOST_GROUPS) -> None:
        self._database: Final = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.executescript(_TABLES)
        self._most_groups: Final = most_groups
        self._groups: dict[tuple[str, str], Sums] = {}

    def close(self) -> None:
        """All of it is gone."""
        self._database.close()

    def is_new(self, digest: bytes) -> bool:
        """True at the first time."""
        found = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,))
        return found.rowcount == 1

    def note_user(self, request: bytes, name: str | None) -> None:
        """Whose request it is; of two with one id the first is the one that ran."""
        self._database.execute("INSERT OR IGNORE INTO users VALUES (?, ?)", (request, name))

    def user_of(self, request: bytes) -> tuple[str | None] | None:
        """None: nothing is known of the request. (None,): it named no user."""
        found: tuple[str | None] | None = self._database.execute(
            "SELECT name FROM users WHERE digest = ?", (request,)
        ).fetchone()
        return found

    def group(self, tenant: str, name: str) -> Sums:
        """To be added to at once, and not to be kept."""
        found = self._groups.get((tenant, name))
        if found is None:
            if len(self._groups) >= self._most_groups:
                self._put_away()
            found = self._groups[tenant, name] = Sums()
        return found

    def groups(self) -> Iterator[tuple[str, str, Sums]]:
        """All of them, by tenant and name."""
        self._put_away()
        for tenant, name, figures in self._database.execute("SELECT * FROM sums ORDER BY tenant, name"):
            yield tenant, name, unpacked(figures)

    def _put_away(self) -> None:
        for (tenant, name), sums in self._groups.items():
            before = self._database.execute(
                "SELECT figures FROM sums WHERE tenant = ? AND name = ?", (tenant, name)
            ).fetchone()
            if before is not None:
                sums.add(unpacked(before[0]))
            row = (tenant, name, sums.packed())
            self._database.execute("INSERT OR REPLACE INTO sums VALUES (?, ?, ?)", row)
        self._groups = {}


@contextmanager
def scratch() -> Iterator[Scratch]:
    """For one command. Trouble where the disk is full."""
    try:
        found = Scratch()
        try:
            yield found
        finally:
            found.close()
    except sqlite3.Error as error:
        raise Trouble(
            f"there is no room for what is read ({error}): make some where temporary files are, or set "
            "SQLITE_TMPDIR to another folder, or ask for less with --since and --tenant"
        ) from error
