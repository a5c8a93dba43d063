"""Facts in this process' memory: for trying an agent out, and for tests."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agents_defs.memory.facts import Fact, Owner


class ProcessFacts:
    """Gone with the process."""

    def __init__(self) -> None:
        self._kept: dict[Owner, dict[str, Fact]] = {}

    async def keep(self, owner: Owner, fact: Fact, most: int) -> bool:
        """Remember it, if it is not yet. False: there are as many as may be, and nothing was changed."""
        own = self._kept.setdefault(owner, {})
        if fact.fact_id not in own and len(own) >= most:
            return False
        own.setdefault(fact.fact_id, fact)
        return True

    async def facts(self, owner: Owner) -> Sequence[Fact]:
        """All of the owner's, in no order."""
        return list(self._kept.get(owner, {}).values())

    async def drop(self, owner: Owner, fact_ids: Collection[str]) -> int:
        """Forget these; how many of them there were."""
        own = self._kept.get(owner, {})
        return sum(own.pop(fact_id, None) is not None for fact_id in set(fact_ids))


OF_THIS_PROCESS = ProcessFacts()
