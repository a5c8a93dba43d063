"""A seed plans the same rounds each time, with every fault of weight in them."""

from dataclasses import dataclass

from tests.chaos.plan import SELDOM_AMONG, Size, plan


@dataclass(frozen=True)
class Known:
    name: str
    weight: float = 1.0
    seldom: bool = False
    alone: bool = False


SIZE = Size(faults=50, faults_each_round=10, requests_each_round=100, per_second=1.0, alone=2, patience_s=1.0)
FAULTS = [
    *(Known(f"f-{number}") for number in range(20)),
    Known("rare", weight=0.1),
    Known("slow", weight=1.0, seldom=True),
    Known("lonely", alone=True),
]


def test_a_seed_plans_the_same_rounds_each_time_and_another_seed_others() -> None:
    assert plan(1, SIZE, FAULTS) == plan(1, SIZE, FAULTS)
    assert plan(1, SIZE, FAULTS) != plan(2, SIZE, FAULTS)


def test_every_fault_of_weight_is_planned_and_as_many_as_asked_for() -> None:
    names = [name for one in plan(1, SIZE, FAULTS) for name in one.faults]

    assert {fault.name for fault in FAULTS if fault.weight >= 0.5} <= set(names)
    assert len([name for name in names if name != "lonely"]) == SIZE.faults


def test_a_fault_that_takes_long_comes_seldom() -> None:
    for seed in range(20):
        names = [name for one in plan(seed, SIZE, FAULTS) for name in one.faults]

        assert 1 <= names.count("slow") <= SIZE.faults // SELDOM_AMONG


def test_a_fault_that_breaks_the_others_evidence_has_a_round_of_its_own() -> None:
    rounds = plan(1, SIZE, FAULTS)

    assert rounds[0].faults == ("lonely",) * SIZE.alone
    assert all("lonely" not in one.faults for one in rounds[1:])


def test_rounds_differ_in_workers_and_names() -> None:
    rounds = plan(1, SIZE, FAULTS)

    assert {one.workers for one in rounds} == {1, 2, 3}
    assert {one.static for one in rounds} == {True, False}
    assert [one.number for one in rounds] == list(range(len(rounds)))


def test_a_choice_of_one_fault_that_has_a_round_of_its_own_plans_only_that() -> None:
    assert len(plan(1, SIZE, [Known("lonely", alone=True)])) == 1
