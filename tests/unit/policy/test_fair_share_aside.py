"""Where only some may go: they go first, shares hold, and of who stands aside nothing is forgotten."""

import random
from collections import Counter
from typing import Any

import pytest

from streams.policy.fair_share import AHEAD, QUANTUM, Demand, FairShare


def waiting(counts: dict[str, int], tokens: int = QUANTUM) -> FairShare[str]:
    fair: FairShare[str] = FairShare()
    for tenant, count in counts.items():
        for number in range(count):
            fair.put(Demand(tenant, tokens, number), tenant)
    return fair


def others(tenant_id: str) -> bool:
    return tenant_id != "flood"


def test_where_only_some_may_go_the_others_wait_in_their_places() -> None:
    fair = waiting({"flood": 3, "a": 1, "b": 1})

    assert [fair.take(others) for _ in range(3)] == ["a", "b", None]
    assert [fair.take() for _ in range(4)] == ["flood", "flood", "flood", None]


def test_whoever_may_not_go_does_when_the_others_are_far_ahead() -> None:
    fair = waiting({"flood": 200, "a": 200, "b": 200})

    taken = [fair.take(others) for _ in range(300)]

    assert taken.index("flood") <= 2 * (AHEAD + 1)
    assert Counter(taken)["flood"] >= 300 / 3 - AHEAD - 1


def test_shares_by_weight_hold_whoever_goes_first() -> None:
    fair = waiting({"a": 1_000})
    for number in range(1_000):
        fair.put(Demand("flood", QUANTUM, number, weight=3.0), "flood")

    taken = Counter(fair.take(others) for _ in range(800))

    assert taken["flood"] == pytest.approx(600, abs=3 * (AHEAD + 1))


def test_coming_and_going_one_by_one_the_others_do_not_keep_back_who_may_not_go() -> None:
    fair = waiting({"flood": 200})
    taken: list[str] = []
    fair.take()

    for turn in range(100):
        for tenant in ("a", "b"):
            demand = Demand(tenant, QUANTUM // 2, turn)
            fair.put(demand, tenant)
            while found := fair.take(others):
                taken.append(found)
            fair.settle(demand, demand.tokens)

    assert taken.count("flood") == pytest.approx(50, abs=AHEAD + 2)


def test_who_comes_is_not_behind_because_another_is_ahead() -> None:
    fair = waiting({"flood": 10, "a": AHEAD})
    for _ in range(AHEAD):
        assert fair.take(others) == "a"

    for number in range(AHEAD):
        fair.put(Demand("b", QUANTUM, number), "b")

    assert [fair.take(others) for _ in range(AHEAD)] == ["b"] * AHEAD


def test_who_has_gone_goes_before_nobody() -> None:
    fair = waiting({"flood": 5, "dear": 1})
    assert fair.take(others) == "dear"
    fair.settle(Demand("dear", QUANTUM), 5 * QUANTUM)
    assert fair.take(others) is None
    assert [fair.take() for _ in range(5)] == ["flood"] * 5
    fair.settle(Demand("a", QUANTUM), 31 * QUANTUM)

    fair.put(Demand("a", QUANTUM), "a")

    assert fair.take(others) == "a"


def test_what_was_missed_beyond_that_is_not_made_up_for() -> None:
    fair = waiting({"flood": 100, "a": 100})
    for _ in range(50):
        fair.take(others)

    taken = Counter(fair.take() for _ in range(40))

    assert taken["a"] >= (40 - AHEAD - 1) // 2


def test_what_is_owed_is_owed_while_others_stand_aside() -> None:
    fair = waiting({"flood": 100, "dear": 1})
    assert fair.take(others) == "dear"
    fair.settle(Demand("dear", QUANTUM), 21 * QUANTUM)
    assert fair.take(others) is None

    fair.put(Demand("dear", QUANTUM, 1), "dear")

    begun = [fair.take(others) for _ in range(30)]
    assert begun.index("dear") == pytest.approx(21 - AHEAD, abs=1)


def test_of_places_set_aside_only_those_that_count_are_kept() -> None:
    fair: Any = waiting({"first": 1, "flood": 10})
    demand = Demand("flood", QUANTUM, weight=1_000_000)

    for _ in range(1_000):
        assert fair.take(lambda _: False) is None
        fair.settle(demand, 2 * QUANTUM)

    assert len(fair._aside) < 100


def test_who_stands_aside_is_asked_again_when_its_standing_changes() -> None:
    fair = waiting({"flood": 2})
    assert fair.take() == "flood"
    assert fair.take(others) is None

    fair.settle(Demand("flood", QUANTUM), QUANTUM)

    assert fair.take(lambda _: True) == "flood"


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_lost_whoever_may_go(seed: int) -> None:
    rng = random.Random(seed)
    counts = {f"t-{number}": rng.randint(1, 30) for number in range(20)}
    fair = waiting(counts, tokens=300)
    taken: list[str] = []

    while len(fair):
        heavy = {tenant for tenant in counts if rng.random() < 0.5}
        found = fair.take(None if rng.random() < 0.3 else lambda tenant, heavy=heavy: tenant not in heavy)  # type: ignore[misc]
        if found is not None:
            taken.append(found)
            fair.settle(Demand(found, 300), rng.choice([100, 300, 3_000]))

    assert Counter(taken) == counts
    assert fair.take() is None
