"""The tenants topic is read whole before a worker is ready, followed from then on, and rewritten to pause."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from app import provision, startup
from app.adapters.kafka_plans import KafkaPlans
from app.brokers.kafka import KafkaBroker
from app.startup import CannotStart
from schemas.failures import Code
from schemas.partitions import partition_for
from streams.lifeline import Lifeline
from streams.observations import PlanPassedOver, PlansRead, PlansUnread
from streams.options import KafkaOptions
from streams.plans import PlanRefused, Plans
from streams.topics import topic_names
from tests.doubles.observed import Observed

SOON_S = 5.0
MANY = 10_000
MIB = 1024 * 1024
FEW_PARTITIONS = 3


@dataclass
class Follower:
    """What one worker has of the topic."""

    plans: Plans
    kafka_plans: KafkaPlans
    observed: Observed
    lifeline: Lifeline

    async def until(self, condition: Callable[[], bool], within_s: float = SOON_S) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(0.002)

    async def has(self, *, paused: bool) -> None:
        await self.until(lambda: self.plans.paused("acme") == paused)

    async def has_no_plan(self) -> None:
        await self.until(lambda: self.plans.plan("acme") is None)


@pytest.fixture
async def options(deployment: KafkaOptions) -> KafkaOptions:
    await provision.create(deployment)
    return deployment


def a_follower(kafka: KafkaOptions) -> Follower:
    observed, lifeline = Observed(), Lifeline()
    plans = Plans(observed)
    topic = topic_names(kafka.topic_prefix, kafka.app_id).tenants
    return Follower(plans, KafkaPlans(kafka, topic, plans, observed, lifeline), observed, lifeline)


@asynccontextmanager
async def following(kafka: KafkaOptions) -> AsyncIterator[Follower]:
    made = a_follower(kafka)
    await made.kafka_plans.start()
    try:
        yield made
    finally:
        await made.kafka_plans.stop()


async def write(
    kafka: KafkaOptions,
    *records: tuple[str, bytes | None],
    partition: int | None = None,
    headers: Sequence[tuple[str, bytes]] = (),
    max_request_size: int = MIB,
) -> None:
    """As an operator's program does."""
    topic = topic_names(kafka.topic_prefix, kafka.app_id).tenants
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, acks="all", max_request_size=max_request_size
    ) as producer:
        sent = []
        for tenant, value in records:
            key = tenant.encode()
            place = partition_for(key, kafka.partitions) if partition is None else partition
            sent.append(await producer.send(topic, value, key, place, headers=list(headers)))
        await asyncio.gather(*sent)


def plan(tenant: str, **fields: Any) -> bytes:
    return orjson.dumps({"tenant_id": tenant, **fields})


def digest(value: bytes) -> str:
    return sha256(value).hexdigest()


async def test_all_plans_are_in_force_before_the_start_is_over(options: KafkaOptions) -> None:
    tenants = [f"tenant-{number}" for number in range(50)]
    await write(options, *((tenant, plan(tenant, tier="pro")) for tenant in tenants))
    await write(options, ("tenant-7", plan("tenant-7", paused=True)), ("tenant-8", None))

    async with following(options) as worker:
        assert worker.kafka_plans.known
        assert set(worker.plans.tenants) == set(tenants) - {"tenant-8"}
        assert list(worker.plans.paused_tenants) == ["tenant-7"]
        (read,) = worker.observed.of(PlansRead)
        assert read.plans == 49


async def test_an_empty_topic_is_read_at_once(options: KafkaOptions) -> None:
    async with asyncio.timeout(SOON_S), following(options) as worker:
        assert worker.kafka_plans.known
        assert len(worker.plans) == 0


async def test_what_is_written_later_is_in_force_everywhere_in_under_a_second(options: KafkaOptions) -> None:
    took_s: list[float] = []
    async with following(options) as one, following(options) as other:
        topic = topic_names(options.topic_prefix, options.app_id).tenants
        async with AIOKafkaProducer(bootstrap_servers=options.bootstrap, acks="all") as producer:
            for number in range(20):
                paused = number % 2 == 0
                place = partition_for(b"acme", options.partitions)
                began = time.monotonic()
                await producer.send_and_wait(topic, plan("acme", paused=paused), b"acme", place)
                for worker in (one, other):
                    await worker.has(paused=paused)
                took_s.append(time.monotonic() - began)
                await asyncio.sleep(0.05)
        await write(options, ("acme", None))
        for worker in (one, other):
            await worker.has_no_plan()

    took_s.sort()
    print(f"in force in two workers: median {took_s[10] * 1000:.1f} ms, worst {took_s[-1] * 1000:.1f} ms")


async def test_what_is_no_plan_is_passed_over_and_the_former_one_holds(options: KafkaOptions) -> None:
    elsewhere = (partition_for(b"acme", options.partitions) + 1) % options.partitions
    await write(options, ("acme", plan("acme", paused=True)), ("acme", b"garbage"))
    await write(options, ("acme", None), partition=elsewhere)
    await write(options, ("acme", plan("acme")), headers=[("schema", b"tenant-plan/2")])

    async with following(options) as worker:
        await write(options, ("acme", plan("globex")), ("globex", plan("globex")))
        await worker.until(lambda: worker.plans.plan("globex") is not None)
        await worker.until(lambda: len(worker.observed.of(PlanPassedOver)) == 4)

        assert worker.plans.paused("acme")
        assert {(one.tenant_id, one.code) for one in worker.observed.of(PlanPassedOver)} == {
            ("acme", Code.UNDECODABLE),
            ("acme", Code.WRONG_PARTITION),
            ("acme", Code.UNSUPPORTED_VERSION),
            ("acme", Code.KEY_MISMATCH),
        }


async def test_a_plan_whose_transaction_was_aborted_is_never_in_force(options: KafkaOptions) -> None:
    topic = topic_names(options.topic_prefix, options.app_id).tenants
    place = partition_for(b"acme", options.partitions)
    async with AIOKafkaProducer(
        bootstrap_servers=options.bootstrap, transactional_id=uuid4().hex
    ) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, plan("acme", paused=True), b"acme", place)
        await producer.abort_transaction()

    async with following(options) as worker:
        assert worker.plans.plan("acme") is None


async def test_pausing_changes_one_field_and_is_in_force_when_it_returns(options: KafkaOptions) -> None:
    written = plan("acme", tier="pro", of_tomorrow={"a": [1]}, limits=[])
    await write(options, ("acme", written))

    async with following(options) as worker, following(options) as other:
        before, paused = await worker.kafka_plans.pause("acme", True)
        in_force = worker.plans.paused("acme"), worker.plans.value("acme")
        again = await worker.kafka_plans.pause("acme", True)
        resumed = await worker.kafka_plans.pause("acme", False)
        await other.until(lambda: other.plans.value("acme") == worker.plans.value("acme"))

        assert in_force[0]
        assert orjson.loads(in_force[1] or b"") == {**orjson.loads(written), "paused": True}
        assert (before, paused) == (digest(written), digest(in_force[1] or b""))
        assert again == (paused, paused)
        assert resumed == (paused, digest(worker.plans.value("acme") or b""))
        assert orjson.loads(worker.plans.value("acme") or b"") == {**orjson.loads(written), "paused": False}


async def test_a_tenant_without_a_plan_is_paused_by_its_first_one(options: KafkaOptions) -> None:
    async with following(options) as worker:
        nothing = await worker.kafka_plans.pause("acme", False)
        before, after = await worker.kafka_plans.pause("acme", True)

        assert nothing == (None, None)
        assert (before, after) == (None, digest(b'{"tenant_id":"acme","paused":true}'))
        assert worker.plans.value("acme") == b'{"tenant_id":"acme","paused":true}'


async def test_a_plan_that_is_written_at_the_same_time_is_not_lost(options: KafkaOptions) -> None:
    async with following(options) as worker:
        writer = worker.kafka_plans._writer
        send = writer._connected
        theirs = plan("acme", tier="enterprise")

        async def just_before() -> Any:
            if worker.plans.plan("acme") is None:
                await write(options, ("acme", theirs))
            return await send()

        writer._connected = just_before  # type: ignore[method-assign]  # between its look and its write
        before, after = await worker.kafka_plans.pause("acme", True)

        held = worker.plans.value("acme") or b""
        assert orjson.loads(held) == {"tenant_id": "acme", "tier": "enterprise", "paused": True}
        assert (before, after) == (digest(theirs), digest(held))


async def test_what_can_never_be_paused_is_refused_and_holds_nobody_up(options: KafkaOptions) -> None:
    async with following(options) as worker:
        with pytest.raises(PlanRefused) as of_no_tenant:
            await worker.kafka_plans.pause("no tenant", True)
        await write(
            options, ("large", plan("large", tier="pro", unknown="x" * (MIB - 150))), max_request_size=2 * MIB
        )
        await worker.until(lambda: worker.plans.plan("large") is not None)
        with pytest.raises(PlanRefused) as too_large:
            await worker.kafka_plans.pause("large", True)
        await worker.kafka_plans.pause("acme", True)

        assert (of_no_tenant.value.code, too_large.value.code) == (Code.INVALID_FIELD, Code.OVERSIZE)
        assert worker.plans.paused("acme")


async def test_a_reader_that_fails_is_replaced_by_one_that_goes_on_where_it_stood(
    options: KafkaOptions,
) -> None:
    async def fail(**_: Any) -> Any:
        raise KafkaError("the reader is broken")

    await write(options, ("acme", plan("acme", paused=True)), ("acme", plan("acme")))
    async with following(options) as worker:
        heard: list[tuple[str, bool]] = []
        worker.plans.listen(lambda tenant: heard.append((tenant, worker.plans.paused(tenant))))
        assert worker.kafka_plans._reader is not None
        worker.kafka_plans._reader.getmany = fail
        await worker.until(lambda: bool(worker.observed.of(PlansUnread)))
        await write(options, ("globex", plan("globex")))
        await worker.until(lambda: worker.plans.plan("globex") is not None)

        # What was read before is not read again: for a moment former plans would be in force.
        assert heard == [("globex", False)]


async def test_plans_stay_in_force_while_kafka_is_away_and_are_followed_again(own_kafka: KafkaBroker) -> None:
    options = KafkaOptions(own_kafka.start().bootstrap, partitions=FEW_PARTITIONS)
    await provision.create(options)
    await write(options, ("acme", plan("acme", paused=True)))

    async with following(options) as worker:
        own_kafka.kill()
        pausing = asyncio.create_task(worker.kafka_plans.pause("globex", True))
        await asyncio.sleep(3)
        held, done = worker.plans.paused("acme"), pausing.done()
        await asyncio.to_thread(own_kafka.restart)
        async with asyncio.timeout(60):
            await pausing
        await write(options, ("acme", plan("acme")))
        await worker.until(lambda: not worker.plans.paused("acme"), within_s=30)

        assert (held, done) == (True, False)
        assert worker.plans.paused("globex")
        assert not worker.lifeline._broken.is_set()


async def test_a_start_that_cannot_read_the_plans_is_told_in_one_line(options: KafkaOptions) -> None:
    nobody = KafkaOptions("127.0.0.1:1", options.topic_prefix, options.partitions, options.app_id)
    worker = a_follower(nobody)

    with pytest.raises(CannotStart) as told:
        await startup.read_plans(worker.kafka_plans.start, nobody)

    assert str(told.value).startswith("the tenants' plans cannot be read from Kafka at 127.0.0.1:1 (")
    assert len(str(told.value).splitlines()) == 1
    assert not worker.kafka_plans.known
    await worker.kafka_plans.stop()


async def test_ten_thousand_plans_are_read_at_the_start(options: KafkaOptions) -> None:
    limits = [
        {"what": "requests", "per": "minute", "limit": 600},
        {"what": "tokens", "per": "day", "limit": 9},
    ]
    tenants = [f"tenant-{number}" for number in range(MANY)]
    await write(options, *((tenant, plan(tenant, tier="pro", limits=limits)) for tenant in tenants))

    began = time.monotonic()
    async with following(options) as worker:
        took_s = time.monotonic() - began

        assert len(worker.plans) == MANY
        print(f"{MANY} plans were read in {took_s:.2f} s")
