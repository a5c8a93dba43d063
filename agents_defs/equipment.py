"""What the example tools of this process work with: opened when first used, closed with the worker."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents_defs.articles import Articles
    from agents_defs.database import Database
    from agents_defs.file_room import FileRooms
    from agents_defs.shop import Shop
    from agents_defs.web_reader import WebReader

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ToolOptions:
    """How the example tools are set up."""

    shop_url: str | None = field(default=None, repr=False)  # may hold a password. None: in memory
    files_root: Path | None = None  # None: no files
    files_quota_bytes: int = 10 * MEGABYTE  # of one tenant
    web_hosts: tuple[str, ...] = ()  # none: no web
    web_denied_hosts: tuple[str, ...] = ()


class Equipment:
    """Opens each thing once, in the thread that first needs it: who does not need it does not load it."""

    def __init__(self, options: ToolOptions | None = None) -> None:
        self._options = options or ToolOptions()
        self._lock = threading.RLock()
        self._database: Database | None = None
        self._shop: Shop | None = None
        self._knowledge: Articles | None = None

    def check(self) -> None:
        """Raises ValueError where the options cannot be right: better now than at the first call."""
        if self._options.shop_url is not None:
            self.database()
        if self._options.files_root is not None:
            self.files()
        self.web()

    def database(self) -> Database:
        with self._lock:
            if self._database is None:
                from agents_defs.database import IN_MEMORY, Database  # SQLAlchemy takes a while

                self._database = Database(self._options.shop_url or IN_MEMORY)
            return self._database

    @property
    def opened_shop(self) -> Shop | None:
        """The shop, if it is open: opening it takes longer than an event loop should wait."""
        return self._shop

    @property
    def opened_knowledge(self) -> Articles | None:
        return self._knowledge

    def shop(self) -> Shop:
        with self._lock:
            if self._shop is None:
                from agents_defs.shop import Shop  # as above

                self._shop = Shop(self.database())
            return self._shop

    def knowledge(self) -> Articles:
        with self._lock:
            if self._knowledge is None:
                from agents_defs.articles import Articles  # as above

                self._knowledge = Articles(self.database())
            return self._knowledge

    def files(self) -> FileRooms | None:
        """None where no root is set."""
        root = self._options.files_root
        if root is None:
            return None
        from agents_defs.file_room import FileRooms  # most workers have none

        return FileRooms(root, self._options.files_quota_bytes)

    def web(self) -> WebReader | None:
        """None where no host may be asked."""
        if not self._options.web_hosts:
            return None
        from agents_defs.web_reader import WebReader  # as above

        return WebReader(self._options.web_hosts, self._options.web_denied_hosts)

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
            self._database = self._shop = self._knowledge = None


class _OfThisProcess:
    """Tools are functions of a module: nobody can hand them anything but through one."""

    equipment = Equipment()


def equipment() -> Equipment:
    """What the tools of this process use."""
    return _OfThisProcess.equipment


def equip(new: Equipment) -> Equipment:
    """From now on tools use this; returns what they used so far, which whoever asks has to close."""
    before, _OfThisProcess.equipment = _OfThisProcess.equipment, new
    return before
