"""What is in force of the tenants topic."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from schemas.failures import Code
from schemas.partitions import partition_for
from schemas.requests import OverLimit
from streams.observations import PlanPassedOver
from streams.plans import Plans
from tests.doubles.observed import Observed

PAUSED = b'{"tenant_id": "acme", "tier": "pro", "paused": true, "of_tomorrow": 1}'
PARTITIONS = 12
PARTITION = partition_for(b"acme", PARTITIONS)
RUNNING = b'{"tenant_id": "acme", "tier": "pro", "over_limit": "wait"}'


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest.fixture
def plans(observed: Observed) -> Plans:
    return Plans(observed)


def test_a_tenant_without_a_plan_is_not_paused(plans: Plans) -> None:
    assert plans.plan("acme") is None
    assert plans.value("acme") is None
    assert not plans.paused("acme")
    assert len(plans) == 0


def test_the_last_plan_of_a_tenant_is_in_force_with_all_its_fields(plans: Plans) -> None:
    assert plans.take(b"acme", PAUSED)
    was_paused = plans.paused("acme")

    assert plans.take(b"acme", RUNNING)

    plan = plans.plan("acme")
    assert plan is not None
    assert (plan.tier, plan.over_limit) == ("pro", OverLimit.WAIT)
    assert (was_paused, plans.paused("acme")) == (True, False)
    assert (list(plans.tenants), list(plans.paused_tenants)) == (["acme"], [])


def test_the_exact_bytes_are_kept_for_whoever_changes_the_plan(plans: Plans) -> None:
    plans.take(b"acme", PAUSED)

    assert plans.value("acme") == PAUSED


def test_a_tombstone_returns_the_tenant_to_its_default(plans: Plans) -> None:
    plans.take(b"acme", PAUSED)

    assert plans.take(b"acme", None)

    assert plans.plan("acme") is None
    assert plans.value("acme") is None
    assert not plans.paused("acme")
    assert (list(plans.tenants), list(plans.paused_tenants)) == ([], [])


def test_whoever_listens_is_told_of_each_change_when_it_is_in_force(plans: Plans) -> None:
    heard: list[tuple[str, bool]] = []
    plans.listen(lambda tenant_id: heard.append((tenant_id, plans.paused(tenant_id))))

    plans.take(b"acme", PAUSED)
    plans.take(b"acme", RUNNING)
    plans.take(b"acme", None)

    assert heard == [("acme", True), ("acme", False), ("acme", False)]


def test_what_changes_nothing_is_no_change(plans: Plans) -> None:
    heard: list[str] = []
    plans.take(b"acme", PAUSED)
    plans.listen(heard.append)

    plans.take(b"acme", PAUSED)
    plans.take(b"globex", None)

    assert heard == []


@pytest.mark.parametrize(
    ("key", "value", "code", "said"),
    [
        (b"acme", b"no json", Code.UNDECODABLE, "not JSON"),
        (b"acme", b"", Code.UNDECODABLE, "empty"),
        (b"acme", b"[]", Code.UNDECODABLE, "not an object"),
        (b"acme", b'{"paused": false}', Code.INVALID_FIELD, "tenant_id is missing"),
        (b"acme", b'{"tenant_id": "acme", "paused": "no"}', Code.INVALID_FIELD, "paused: must be true or"),
        (b"acme", b'{"tenant_id": "globex"}', Code.KEY_MISMATCH, "of the tenant globex"),
        (b"\xff", None, Code.KEY_MISMATCH, "not UTF-8"),
        (None, b'{"tenant_id": "acme"}', Code.KEY_MISMATCH, "of the tenant acme"),
    ],
)
def test_what_is_no_plan_is_passed_over_and_the_former_one_holds(
    plans: Plans, observed: Observed, key: bytes | None, value: bytes | None, code: Code, said: str
) -> None:
    heard: list[str] = []
    plans.take(b"acme", PAUSED)
    plans.listen(heard.append)

    assert not plans.take(key, value)

    (passed_over,) = observed.of(PlanPassedOver)
    assert passed_over.tenant_id == (key or b"").decode(errors="replace")
    assert passed_over.code is code
    assert said in passed_over.why
    assert plans.paused("acme")
    assert (list(plans.tenants), heard) == (["acme"], [])


@dataclass(frozen=True)
class Read:
    """A record of the topic."""

    key: bytes | None = b"acme"
    value: bytes | None = RUNNING
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int = PARTITION


@pytest.mark.parametrize("headers", [[], [("schema", b"tenant-plan/1"), ("trace", b"x")]])
def test_a_record_on_the_partition_of_its_key_is_taken(
    plans: Plans, headers: Sequence[tuple[str, bytes]]
) -> None:
    assert plans.read(Read(headers=headers), PARTITIONS)

    assert plans.value("acme") == RUNNING


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (Read(partition=PARTITION - 1), Code.WRONG_PARTITION),
        (Read(value=None, partition=PARTITION - 1), Code.WRONG_PARTITION),
        (Read(headers=[("schema", b"tenant-plan/2")]), Code.UNSUPPORTED_VERSION),
        (Read(headers=[("schema", b"release/1")]), Code.UNDECODABLE),
    ],
)
def test_what_stands_elsewhere_or_is_of_tomorrow_is_passed_over(
    plans: Plans, observed: Observed, record: Read, code: Code
) -> None:
    plans.take(b"acme", PAUSED)

    assert not plans.read(record, PARTITIONS)

    assert [one.code for one in observed.of(PlanPassedOver)] == [code]
    assert plans.value("acme") == PAUSED
