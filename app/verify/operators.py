"""What operators said that the judges need: the plans of tenants, and what is to be replayed."""

from app.verify.judges.one_outcome import Replays
from app.verify.plans import PlansInForce
from app.verify.records import Extent, Kind, Snapshot, Source
from schemas.codec import decode
from schemas.control import Command, ControlCommand
from schemas.tenants import TenantPlan


async def plans(source: Source) -> PlansInForce:
    """The last plan of each tenant holds."""
    found = PlansInForce(source.snapshot.terms)
    for partition, extent in source.snapshot.extents.get(Kind.TENANTS, {}).items():
        async for records in source.read(Kind.TENANTS, partition, extent):
            for record in records:
                tenant = (record.key or b"").decode(errors="replace")
                try:
                    plan = decode(TenantPlan, record.value)
                except ValueError:
                    plan = None  # a tombstone, or no plan: the tenant has its tier's default
                found.put(tenant, plan, record.timestamp_ms)
    return found


async def replays(source: Source) -> Replays:
    """The dead letters that are to be replayed, as far back as the topic goes."""
    snapshot: Snapshot = source.snapshot
    found: set[str] = set()
    complete = True
    for partition, extent in snapshot.extents.get(Kind.CONTROL, {}).items():
        complete = complete and extent.first == 0
        whole = Extent(extent.first, extent.first, extent.end)
        async for records in source.read(Kind.CONTROL, partition, whole):
            for record in records:
                try:
                    command = decode(ControlCommand, record.value)
                except ValueError:
                    continue
                if command.command is Command.REPLAY and command.dead_letter_id is not None:
                    found.add(command.dead_letter_id)
    return Replays(frozenset(found), complete)
