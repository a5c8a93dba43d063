"""A request that waits for an approval while its workers are restarted and its record is deleted."""

import asyncio
import time
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from tests.chaos.scene import Fault, Scene

RESTARTS = 3
ASKED_S = 30.0


async def restart_and_truncate(scene: Scene) -> float | None:
    """Parked, three restarts, the requests topic truncated; then somebody approves."""
    shot = scene.tricks.held()
    assert shot.due is not None
    await scene.traffic.send(shot)
    until = time.monotonic() + ASKED_S
    while shot.due not in scene.traffic.asked:
        if time.monotonic() > until:
            return None
        await asyncio.sleep(0.05)
    for _ in range(RESTARTS):
        for worker in list(scene.roster.workers.values()):
            worker.kill()
        await asyncio.sleep(0.1)  # the roster notices
        await scene.roster.ready()
    await truncate(scene)
    at = time.monotonic()
    await scene.traffic.decide(shot.due, approved=True)
    return at  # the request was sent before: it counts as recovered when it is answered


async def truncate(scene: Scene) -> None:
    """Delete what is released from the requests topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.kafka.bootstrap)
    await admin.start()
    try:
        committed = await admin.list_consumer_group_offsets(scene.kafka.app_id)
        topic = f"{scene.kafka.topic_prefix}requests"
        await admin.delete_records(
            {
                place: RecordsToDelete(before_offset=offset.offset)
                for place, offset in committed.items()
                if place.topic == topic and offset.offset > 0
            }
        )
    finally:
        await admin.close()


def catalogue() -> Sequence[Fault]:
    """All of them."""
    name = "approval parked across three restarts, requests truncated"
    return [Fault(name, restart_and_truncate, alone=True)]
