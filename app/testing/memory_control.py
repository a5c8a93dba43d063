"""Commands in memory: written to a desk as the control topic's tail does, with the stores that it needs."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from app.testing.memory_outbox import NAMES, MemoryLog
from app.testing.requests import partition_of
from schemas.codec import decode
from schemas.dead_letters import DeadLetter
from schemas.tenants import TenantPlan
from streams.flow import DealtWith, Record
from streams.ports import ControlSink


class MemoryDeadLetters:
    """Finds them in the log."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._held = ""
        self._found = asyncio.Event()

    def hold(self, dead_letter_id: str) -> None:
        """It is looked for until `let_go`."""
        self._held = dead_letter_id

    def let_go(self) -> None:
        """It is found."""
        self._found.set()

    async def find(self, partition: int, dead_letter_id: str) -> DeadLetter | None:
        """The one of this id."""
        if dead_letter_id == self._held:
            await self._found.wait()
        found = (decode(DeadLetter, one.value) for one in self._log.partitions[NAMES.deadletter, partition])
        return next((one for one in found if one.dead_letter_id == dead_letter_id), None)


class MemoryPlans:
    """Which tenants are paused, and the other plans in force."""

    def __init__(self) -> None:
        self._paused: set[str] = set()
        self.plans: dict[str, TenantPlan] = {}
        self.listeners: list[Callable[[str], None]] = []

    def paused(self, tenant_id: str) -> bool:
        """Whether this is one of them."""
        return tenant_id in self._paused

    def plan(self, tenant_id: str) -> TenantPlan | None:
        """A tenant's own."""
        return self.plans.get(tenant_id)

    def put(self, tenant_id: str = "acme", **fields: Any) -> None:
        """A plan is in force."""
        self.plans[tenant_id] = TenantPlan.model_validate({"tenant_id": tenant_id} | fields)

    async def pause(self, tenant_id: str, paused: bool) -> tuple[str | None, str | None]:
        """Change it; it takes a while, and a pause longer than what takes it back."""
        for _ in range(3 if paused else 1):
            await asyncio.sleep(0)
        (self._paused.add if paused else self._paused.discard)(tenant_id)
        for changed in self.listeners:
            changed(tenant_id)
        return None, "after"


class CommandTopic:
    """The control topic; what was written outlives a worker."""

    def __init__(self) -> None:
        self.records: dict[int, list[Record]] = defaultdict(list)

    def write(self, tenant_id: str, **command: Any) -> Record:
        """Append a command."""
        key = tenant_id.encode()
        return self.append(key, json.dumps(command).encode(), partition_of(tenant_id))

    def append(self, key: bytes | None, value: bytes | None, partition: int) -> Record:
        """Append anything."""
        records = self.records[partition]
        records.append(Record(NAMES.control, partition, len(records), 0, key, value))
        return records[-1]

    def hand_over(self, sink: ControlSink, partition: int, dealt_with: DealtWith) -> None:
        """As the tail does at a takeover."""
        for record in self.records[partition]:
            sink.take(partition, record.offset, record, not dealt_with.covers(record.offset))
        sink.caught_up(partition)
