"""Sessions and facts in all stores: looked at, and deleted for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agents_defs.memory.facts import Fact, Owner
from app.adapters.redis_facts import RedisFacts
from app.adapters.redis_sessions import RedisSessions
from app.adapters.session_values import SessionRow, StoredTurn

if TYPE_CHECKING:
    from app.adapters.sql_sessions import SqlSessions


@dataclass(frozen=True, slots=True)
class Gone:
    """What was deleted of a session."""

    turns: int
    journals: int


class SessionDesk:
    """Of a deployment. All calls raise StoreUnavailable, or FactsUnavailable."""

    def __init__(self, redis: RedisSessions, facts: RedisFacts, sql: "SqlSessions | None") -> None:
        self._redis: Final = redis
        self._facts: Final = facts
        self._sql: Final = sql

    async def rows(self, tenant_id: str | None) -> Sequence[SessionRow]:
        """All sessions, of one tenant or of all."""
        found = [*await self._redis.sessions(tenant_id)]
        if self._sql is not None:
            found += await self._sql.sessions(tenant_id)
        return sorted(found, key=lambda one: (one.tenant_id, one.session_id, one.store))

    async def turns(self, tenant_id: str, session_id: str) -> Sequence[StoredTurn]:
        """What was said, oldest first in each store."""
        found = [*await self._redis.turns(tenant_id, session_id)]
        if self._sql is not None:
            found += await self._sql.turns(tenant_id, session_id)
        return found

    async def under_way(self, tenant_id: str, session_id: str) -> Sequence[str]:
        """The session's requests whose runs have begun and not ended."""
        return await self._redis.under_way(tenant_id, session_id)

    async def delete(self, tenant_id: str, session_id: str) -> Gone:
        """It is in no store any more, and runs that are under way do not write it back."""
        beside = 0 if self._sql is None else await self._sql.delete(tenant_id, session_id)
        turns, journals = await self._redis.delete(tenant_id, session_id)
        return Gone(turns + beside, journals)

    async def clean(self, before: float) -> int:
        """Forget sessions in the database that are older; those in Redis expire by themselves."""
        return 0 if self._sql is None else await self._sql.clean(before)

    async def reseal(self) -> tuple[int, int]:
        """How many turns and facts the first key seals from now on that others sealed, or none."""
        turns = await self._redis.reseal() + (0 if self._sql is None else await self._sql.reseal())
        facts = 0
        for owner in await self._redis.owners():
            facts += await self._facts.reseal(owner)
        return turns, facts

    async def facts(self, owner: Owner) -> Sequence[Fact]:
        """What is remembered of a user, oldest first."""
        return sorted(await self._facts.facts(owner), key=lambda one: (one.at, one.fact_id))

    async def count_facts(self, owner: Owner) -> int:
        """How many there are, also where they cannot be read."""
        return await self._redis.count_facts(owner)

    async def forget_user(self, owner: Owner) -> int:
        """How many facts are gone."""
        return await self._redis.forget_user(owner)
