"""Workers come, go, freeze and wake up again, and each request is still run and answered as it should be."""

import asyncio
from urllib.parse import unquote

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from app.simulator.ledger import read as read_ledger
from app.simulator.server import RunningSimulator
from tests.broker.crew import Crew, WorkerProcess, request, tenants_of, until
from tests.broker.topic_reader import ends_of

PARTITIONS = range(4)


def owned(worker: WorkerProcess) -> list[int]:
    """What a worker owns, by its own account."""
    lines = worker.lines("partitions assigned")
    found: list[int] = lines[-1]["partitions"] if lines else []
    return found


def one_tenant_each() -> list[str]:
    return [tenants_of(partition, 1)[0] for partition in PARTITIONS]


def calls(models: RunningSimulator) -> list[str]:
    """The ids of all model calls that were answered: tenant, request, attempt and more."""
    assert models.ledger_path is not None
    return [unquote(entry["call_id"]) for entry in read_ledger(models.ledger_path) if entry["billed"]]


async def test_a_worker_that_joins_takes_its_share_and_runs_of_retained_partitions_go_on(
    crew: Crew, models: RunningSimulator
) -> None:
    first = crew.start()
    await crew.ready(first)
    tenants = one_tenant_each()
    slow = "[[sim: latency_ms=6000]]"
    await crew.send(*(request(f"r-{number}", tenant, slow) for number, tenant in enumerate(tenants)))
    await until(lambda: models.in_flight == 4)

    second = crew.start()
    await until(lambda: len(owned(first)) == 2 and len(owned(second)) == 2)
    retained = owned(first)

    answered = await crew.answered(4)
    attempts = {one["source"]["partition"]: one["attempts"] for one in answered.values()}
    assert {attempts[partition] for partition in retained} == {1}
    assert {attempts[partition] for partition in owned(second)} == {2}
    for partition in retained:
        mine = [call for call in calls(models) if call.startswith(f"{tenants[partition]}/")]
        assert len(mine) == 1  # adopted, not started again
    await crew.caught_up()


async def test_a_worker_that_leaves_in_order_hands_over_at_once(crew: Crew, models: RunningSimulator) -> None:
    staying, leaving = crew.start(), crew.start()
    await until(lambda: len(owned(staying)) == 2 and len(owned(leaving)) == 2)
    tenants = one_tenant_each()
    await crew.send(*(request(f"a-{number}", tenant) for number, tenant in enumerate(tenants)))
    await crew.answered(4)

    leaving.terminate()
    assert await leaving.ended() == 0
    await crew.send(*(request(f"b-{number}", tenant) for number, tenant in enumerate(tenants)))

    answered = await crew.answered(8)
    assert {one["attempts"] for one in answered.values()} == {1}
    assert len(calls(models)) == 8
    await crew.caught_up()


async def test_a_named_worker_that_leaves_in_order_is_not_waited_for(crew: Crew) -> None:
    staying, leaving = (crew.start(worker_id=name, session_timeout_s=60) for name in ("w-0", "w-1"))
    await until(lambda: len(owned(staying)) == 2 and len(owned(leaving)) == 2)

    leaving.terminate()
    assert await leaving.ended() == 0

    await until(lambda: len(owned(staying)) == 4, within_s=10)
    await crew.send(*(request(f"r-{number}", tenant) for number, tenant in enumerate(one_tenant_each())))
    assert len(await crew.answered(4)) == 4


@pytest.mark.parametrize("point", ["while it runs", "before it publishes"])
async def test_a_worker_that_was_frozen_too_long_answers_nothing_that_others_answered(
    crew: Crew, models: RunningSimulator, point: str
) -> None:
    frozen = crew.start(*(["waits_before_committing"] if point == "before it publishes" else []))
    await crew.ready(frozen)
    await crew.send(request("r-1", text="[[sim: latency_ms=1500]]", session_id="s"))
    if point == "while it runs":
        await until(lambda: models.in_flight == 1)
    else:
        await until(lambda: "about to commit" in frozen.log)
    frozen.freeze()

    other = crew.start()
    await crew.answered(1, within_s=40)
    frozen.thaw()
    await until(lambda: len(owned(frozen)) == 2 and len(owned(other)) == 2)
    await crew.send(*(request(f"next-{number}", tenant) for number, tenant in enumerate(one_tenant_each())))

    answered = await crew.answered(5)
    assert set(answered) == {"r-1", *(f"next-{number}" for number in PARTITIONS)}
    await crew.caught_up()
    assert len(await crew.read("responses")) == 5
    assert frozen.alive()


async def test_a_frozen_worker_that_gets_its_partitions_back_has_forgotten_its_runs(
    crew: Crew, models: RunningSimulator
) -> None:
    frozen = crew.start()
    await crew.ready(frozen)
    await crew.send(request("r-1", text="[[sim: latency_ms=1500]]"))
    await until(lambda: models.in_flight == 1)
    frozen.freeze()
    other = crew.start()
    await crew.answered(1, within_s=40)
    other.kill()

    frozen.thaw()  # nobody else is left: all partitions come back to it, the run still in its memory
    await until(lambda: len(owned(frozen)) == 4 and len(frozen.lines("partitions assigned")) > 1)
    await crew.send(*(request(f"next-{number}", tenant) for number, tenant in enumerate(one_tenant_each())))

    assert len(await crew.answered(5)) == 5
    await crew.caught_up()
    assert len(await crew.read("responses")) == 5


async def test_a_rebalance_in_the_middle_of_a_flood_loses_and_repeats_nothing(
    crew: Crew, models: RunningSimulator
) -> None:
    crew.start()
    tenants = [tenant for partition in PARTITIONS for tenant in tenants_of(partition, 2)]
    flood = [
        request(f"r-{number}", tenants[number % 8], "[[sim: latency_ms=50]]", session_id=f"s-{number % 20}")
        for number in range(400)
    ]
    sending = asyncio.ensure_future(crew.send(*flood))
    await until(lambda: models.calls > 40)

    second = crew.start()
    await until(lambda: len(owned(second)) == 2)
    second.terminate()
    await second.ended()

    await sending
    assert len(await crew.answered(400)) == 400
    await crew.caught_up()


async def test_rebalances_in_the_middle_of_a_batch_while_the_worker_is_full_lose_and_repeat_nothing(
    crew: Crew, models: RunningSimulator
) -> None:
    crew.start(max_in_flight=8, max_held=100)
    # Of many: what a few have beyond their shares would be parked.
    tenants = [tenant for partition in PARTITIONS for tenant in tenants_of(partition, 20)]
    flood = [
        request(f"r-{number}", tenants[number % len(tenants)], "[[sim: latency_ms=40]]")
        for number in range(600)
    ]
    await crew.send(*flood)
    await until(lambda: models.calls > 40)
    assert await crew.lag() > 400  # so the worker is full, and more is fetched than it can hold

    second = crew.start(max_in_flight=8, max_held=100)
    await until(lambda: len(owned(second)) == 2)
    second.terminate()
    await second.ended()
    assert await crew.lag() > 100  # both rebalances met a full worker

    assert len(await crew.answered(600)) == 600
    await crew.caught_up()


async def test_the_offsets_name_the_worker_that_owns_them(crew: Crew) -> None:
    named = crew.start(worker_id="w-1")
    await crew.ready(named)
    places = await ends_of(crew.kafka.bootstrap, crew.topic("requests"))
    admin = AIOKafkaAdminClient(bootstrap_servers=crew.kafka.bootstrap)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(crew.kafka.app_id, partitions=list(places))
    finally:
        await admin.close()

    assert {offset.metadata for offset in offsets.values()} == {f"{crew.kafka.app_id}-w-1"}


async def test_a_worker_that_was_replaced_under_its_name_ends_when_it_wakes_up(
    crew: Crew, models: RunningSimulator
) -> None:
    frozen = crew.start(worker_id="w")
    await crew.ready(frozen)
    await crew.send(request("r-1", text="[[sim: latency_ms=1500]]"))
    await until(lambda: models.in_flight == 1)
    frozen.freeze()
    successor = crew.start(worker_id="w")
    await crew.answered(1, within_s=40)

    frozen.thaw()
    assert await frozen.ended() == 1
    await crew.send(*(request(f"next-{number}", tenant) for number, tenant in enumerate(one_tenant_each())))

    assert "another worker was started under the name 'w'" in frozen.log
    assert len(await crew.answered(5)) == 5
    assert successor.alive()
    await crew.caught_up()
