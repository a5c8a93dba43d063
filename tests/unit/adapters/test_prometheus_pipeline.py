"""The gauges that are read from the pipeline when Prometheus asks."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from agents_defs.registry import AgentSpec, Registry
from app.adapters.prometheus_pipeline import watch_pipeline
from schemas.partitions import partition_for
from streams.admission import Admission
from streams.buffers import Allowance
from streams.flow import Record
from streams.intake import Intake
from streams.lifeline import Lifeline
from streams.observations import Observers
from streams.options import FlowOptions, LimitOptions
from streams.ownership import Membership, Ownership
from streams.parking import Parking
from streams.pipeline import Pipeline, Stages
from streams.policy.fair_share import Demand
from streams.ports import Claim
from streams.tenancy import Tenancy
from streams.waits import Surroundings, Waits
from tests.doubles.memory_control import MemoryPlans

PARTITIONS = 4
NEVER: Any = None  # a stage that these tests do not reach


@dataclass
class HandClock:
    """Stands still until it is told otherwise."""

    seconds: float = 1000.0

    def now(self) -> float:
        return self.seconds

    def at(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


class SilentStore:
    """Never answers: whatever is taken in stays in."""

    async def claim(self, claims: Sequence[Claim]) -> Any:
        await asyncio.Event().wait()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def pipeline(clock: HandClock) -> Iterator[Pipeline]:  # type: ignore[misc]  # pytest-asyncio's shape
    registry = Registry([AgentSpec("support", 1, lambda: cast(Any, None))])
    intake = Intake(registry, PARTITIONS, 10_000, 10_000)
    parking = Parking(NEVER, NEVER, NEVER, clock, Observers())
    around = Surroundings(
        clock,
        Observers(),
        Lifeline(),
        60.0,
        Tenancy(LimitOptions(), MemoryPlans()),
        Allowance(1, 1),
        NEVER,
        NEVER,
    )
    stages = Stages(
        intake=intake,
        admission=Admission(
            cast(Any, SilentStore()), cast(Any, None), Observers(), NEVER, lambda _: "", NEVER
        ),
        execution=NEVER,
        completion=NEVER,
        waits=Waits(parking, intake, NEVER, around),
        clock=clock,
        observer=Observers(),
    )
    made = Pipeline(stages, FlowOptions(max_in_flight=7, max_held=9))
    yield made
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


@pytest.fixture
def ownership() -> Ownership:
    return Ownership()


@pytest.fixture
def registry(pipeline: Pipeline, ownership: Ownership, clock: HandClock) -> CollectorRegistry:
    made = CollectorRegistry()
    flow = FlowOptions(max_in_flight=7, max_held=9)
    watch_pipeline(made, pipeline, ownership, flow, clock.now, lambda: {3: 12, 0: 0})
    return made


def request(offset: int, tenant: str = "acme") -> Record:
    body = f'{{"request_id":"r-{offset}","tenant_id":"{tenant}","agent":"support","input":"hello"}}'
    partition = partition_for(tenant.encode(), PARTITIONS)
    return Record("agent.requests", partition, offset, 0, tenant.encode(), body.encode())


async def test_an_idle_pipeline_holds_nothing(registry: CollectorRegistry) -> None:
    value = registry.get_sample_value

    assert value("penstock_records_held") == 0
    assert value("penstock_offsets_unreleased") == 0
    assert value("penstock_oldest_unreleased_seconds") == 0
    assert value("penstock_lanes_waiting") == 0
    assert value("penstock_runs_limit") == 7
    assert value("penstock_records_held_limit") == 9


async def test_the_oldest_record_that_is_not_released_gives_the_age(
    registry: CollectorRegistry, pipeline: Pipeline, clock: HandClock
) -> None:
    pipeline.accept(request(1), lambda: None)
    clock.seconds += 40
    pipeline.accept(request(2, tenant="globex"), lambda: None)
    clock.seconds += 2

    value = registry.get_sample_value
    assert value("penstock_oldest_unreleased_seconds") == 42
    assert value("penstock_records_held") == 2
    assert value("penstock_offsets_unreleased") == 2


async def test_waiting_in_a_lane_is_not_running(registry: CollectorRegistry, pipeline: Pipeline) -> None:
    for number in range(3):
        pipeline.lanes.enter(("acme", "session-1"), cast(Any, number), Demand("acme"))
    pipeline.lanes.start()

    assert registry.get_sample_value("penstock_lanes_waiting") == 2


async def test_partitions_are_owned_before_they_are_open(
    registry: CollectorRegistry, ownership: Ownership
) -> None:
    ownership.assigned(Membership(1, "m", None), [0, 2, 3])
    ownership.open(2)

    assert registry.get_sample_value("penstock_partitions_owned") == 3
    assert registry.get_sample_value("penstock_partitions_open") == 1


async def test_lag_is_told_per_partition(registry: CollectorRegistry) -> None:
    lags = {str(partition): lag for partition, lag in {0: 0, 3: 12}.items()}
    for partition, lag in lags.items():
        assert registry.get_sample_value("penstock_consumer_lag", {"partition": partition}) == lag
    assert registry.get_sample_value("penstock_consumer_lag", {"partition": "1"}) is None
