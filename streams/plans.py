"""The tenants' plans that are in force: the tenants topic, as far as it was read, in memory."""

from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from schemas.codec import Undecodable, decode
from schemas.failures import Code
from schemas.invalid_fields import InvalidField
from schemas.partitions import partition_for
from schemas.tenants import TenantPlan
from schemas.versions import SCHEMA_HEADER, UPCASTS, parse_schema_header
from streams.observations import Observer, PlanPassedOver
from streams.topics import TENANTS

SHOWN_OF_KEY = 128  # a tenant's id is no longer

ELSEWHERE = "It stands on another partition than its key's: producers set partitioner=murmur2_random."

Changed = Callable[[str], None]


class PlanRecord(Protocol):
    """A record of the tenants topic, however it was read."""

    @property
    def key(self) -> bytes | None:
        """The tenant's id."""
        ...

    @property
    def value(self) -> bytes | None:
        """The plan; None: a tombstone."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """With the version of the plan, or without."""
        ...

    @property
    def partition(self) -> int:
        """Where it stands."""
        ...


class PlanRefused(ValueError):
    """A plan cannot be changed in this way, however often it is tried; the message says why."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class Plans:
    """By tenant. A tenant without a plan has its default: nothing is paused, nothing is allowed beyond it."""

    def __init__(self, observer: Observer) -> None:
        self._observer: Final = observer
        self._plans: dict[str, TenantPlan] = {}
        self._values: dict[str, bytes] = {}
        self._paused: set[str] = set()
        self._listeners: list[Changed] = []

    def __len__(self) -> int:
        return len(self._plans)

    @property
    def tenants(self) -> Collection[str]:
        """Those that have a plan of their own."""
        return self._plans.keys()

    @property
    def paused_tenants(self) -> Collection[str]:
        """Those whose plan says so."""
        return self._paused

    def plan(self, tenant_id: str) -> TenantPlan | None:
        """None where the tenant has none of its own."""
        return self._plans.get(tenant_id)

    def paused(self, tenant_id: str) -> bool:
        """Whether nothing of the tenant's may be started."""
        return tenant_id in self._paused

    def value(self, tenant_id: str) -> bytes | None:
        """The plan's exact bytes: whoever changes it must keep what this build does not know."""
        return self._values.get(tenant_id)

    def listen(self, callback: Changed) -> None:
        """Have it called with the tenant's id after each change. It must be quick and must not raise."""
        self._listeners.append(callback)

    def read(self, record: PlanRecord, partitions: int) -> bool:
        """The next record, as it stands on a topic of so many partitions; as `take`."""
        try:
            name, version = parse_schema_header(dict(record.headers).get(SCHEMA_HEADER), TENANTS.schema)
            UPCASTS.check(name, version)
        except Undecodable as error:
            return self._pass_over(record.key, error.code, str(error))
        # Two records of one tenant on two partitions have no order: every worker would choose its own.
        if partition_for(record.key or b"", partitions) != record.partition:
            return self._pass_over(record.key, Code.WRONG_PARTITION, ELSEWHERE)
        return self.take(record.key, record.value)

    def take(self, key: bytes | None, value: bytes | None) -> bool:
        """What stands there of a tenant now. False: it was passed over, what was in force before stays so."""
        try:
            tenant_id = (key or b"").decode()
            plan = None if value is None else decode(TenantPlan, value)
        except UnicodeDecodeError:
            return self._pass_over(key, Code.KEY_MISMATCH, "The key is not UTF-8.")
        except (Undecodable, InvalidField) as error:
            return self._pass_over(key, error.code, str(error))
        if plan is not None and plan.tenant_id != tenant_id:
            return self._pass_over(key, Code.KEY_MISMATCH, f"The plan is of the tenant {plan.tenant_id}.")
        if value != self._values.get(tenant_id):
            self._put(tenant_id, plan, value)
            for listener in self._listeners:
                listener(tenant_id)
        return True

    def _pass_over(self, key: bytes | None, code: Code, why: str) -> bool:
        shown = (key or b"")[:SHOWN_OF_KEY].decode(errors="replace")
        self._observer.observe(PlanPassedOver(shown, code, why))
        return False

    def _put(self, tenant_id: str, plan: TenantPlan | None, value: bytes | None) -> None:
        if plan is None or value is None:
            self._plans.pop(tenant_id, None)
            self._values.pop(tenant_id, None)
        else:
            self._plans[tenant_id] = plan
            self._values[tenant_id] = value
        if plan is not None and plan.paused:
            self._paused.add(tenant_id)
        else:
            self._paused.discard(tenant_id)
