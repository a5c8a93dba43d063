"""What a worker remembers with: the keys, facts about users, and sessions that stand beside the journals."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import redis.asyncio as redis

from agents_defs.memory.facts import FactStore
from agents_defs.registry import Registry
from app.adapters.clock import SystemClock
from app.adapters.health import Ask, Check, Checks
from app.adapters.memory_seal import BadKeyFile, Seal
from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_facts import RedisFacts
from app.settings import Settings
from app.startup import CannotStart
from streams.ports import StoreUnavailable

if TYPE_CHECKING:
    from app.adapters.sql_sessions import SqlSessions

DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one worker."""

    seal: Seal
    facts: FactStore
    sessions: "SqlSessions | None" = None

    def checks(self) -> Checks:
        """What /readyz asks."""
        found: dict[str, Ask] = {"memory_keys": self._keys}
        if self.sessions is not None:
            found["sessions"] = self._sessions
        return found

    def close(self) -> None:
        """Of the database; waits for what is under way there."""
        if self.sessions is not None:
            self.sessions.close()

    def _keys(self) -> Check:
        trouble = self.seal.trouble()
        return Check(True, "nothing is missing") if trouble is None else Check(False, trouble)

    async def _sessions(self) -> Check:
        if self.sessions is not None:
            try:
                await self.sessions.check()
            except StoreUnavailable:
                return Check(False, "the database does not answer")
        return Check(True, "the database answers")


def open_memory(settings: Settings, client: "redis.Redis", registry: Registry) -> Memory:
    """Raises CannotStart."""
    seal = open_seal(settings)
    sessions = open_sessions(settings, seal)
    if sessions is None:
        for spec in registry.specs():
            if spec.memory.store == "sql":
                raise CannotStart(
                    f"{spec.reference} keeps its sessions in a SQL database: set PENSTOCK_SESSIONS_URL"
                )
    return Memory(seal, RedisFacts(RedisBatch(client), settings.app_id, seal), sessions)


def open_seal(settings: Settings) -> Seal:
    """The keys. Raises CannotStart."""
    try:
        return Seal(settings.memory_keys_file)
    except BadKeyFile as error:
        raise CannotStart(str(error)) from error


def open_sessions(settings: Settings, seal: Seal) -> "SqlSessions | None":
    """The database, if there is one. Raises CannotStart."""
    if settings.sessions_url is None:
        return None
    # SQLAlchemy takes a while to load, and most deployments have none.
    from agents_defs.database import BadDatabase, Database
    from app.adapters.sql_sessions import SqlSessions

    try:
        database = Database(settings.sessions_url.get_secret_value())
    except BadDatabase as error:
        raise CannotStart(f"PENSTOCK_SESSIONS_URL: {error}") from error
    ttl_s = settings.session_days * DAY_S
    most_bytes = settings.session_max_bytes
    return SqlSessions(
        database, settings.app_id, ttl_s, lambda: SystemClock.at().timestamp(), seal, most_bytes
    )
