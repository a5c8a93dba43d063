"""Fair shares: tokens by weight among whoever has anything waiting; nobody starves; no slot is idle."""

import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from schemas.requests import Priority
from streams.policy.fair_share import LEAST, QUANTUM, Demand, FairShare
from streams.policy.precedence import AGEING_S

ITEMS = 3_000
Cost = Callable[[random.Random], tuple[int, int]]  # estimate, and what it comes to


def jain(shares: list[float]) -> float:
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


def exact(rng: random.Random) -> tuple[int, int]:
    tokens = rng.randint(200, 4_000)
    return tokens, tokens


def ten_times_too_high(rng: random.Random) -> tuple[int, int]:
    tokens = rng.randint(200, 2_000)
    return tokens * 10, tokens


def ten_times_too_low(rng: random.Random) -> tuple[int, int]:
    tokens = rng.randint(1_000, 20_000)
    return tokens // 10, tokens


def large(rng: random.Random) -> tuple[int, int]:
    return 700, rng.choice([500, 500, 500, 40_000])


COSTS: list[Cost] = [exact, ten_times_too_high, ten_times_too_low, large]


class Bench:
    """Tenants that always have something waiting; runs end in any order."""

    def __init__(self, seed: int, slots: int) -> None:
        self.rng = random.Random(seed)
        self.fair: FairShare[tuple[Demand, int]] = FairShare()
        self.slots = slots
        self.used: Counter[str] = Counter()
        self.started: Counter[str] = Counter()
        self.running: list[tuple[Demand, int]] = []
        self.number = 0

    def ask(self, tenant: str, weight: float, cost: Cost, priority: Priority = Priority.STANDARD) -> None:
        self.number += 1
        estimate, tokens = cost(self.rng)
        demand = Demand(tenant, estimate, self.number, float(self.number), priority, weight)
        self.fair.put(demand, (demand, tokens))

    def step(self) -> Demand | None:
        """A slot becomes free, and is taken."""
        if len(self.running) >= self.slots:
            demand, tokens = self.running.pop(self.rng.randrange(len(self.running)))
            self.fair.settle(demand, tokens)
        taken = self.fair.take()
        if taken is None:
            return None
        self.running.append(taken)
        self.started[taken[0].tenant_id] += 1
        self.used[taken[0].tenant_id] += max(LEAST, taken[1])
        return taken[0]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("slots", [1, 20, 100])
@pytest.mark.parametrize("mixed", [False, True], ids=["one kind of costs", "each its own kind"])
def test_tokens_are_shared_by_weight(seed: int, slots: int, mixed: bool) -> None:
    bench = Bench(seed, slots)
    weights = {f"t-{number}": bench.rng.choice([0.5, 1, 1, 2, 5]) for number in range(10)}
    costs = {tenant: COSTS[number % 4 if mixed else 0] for number, tenant in enumerate(weights)}
    priorities = {tenant: bench.rng.choice(list(Priority)) for tenant in weights}
    for tenant, weight in weights.items():
        for _ in range(3):
            bench.ask(tenant, weight, costs[tenant], priorities[tenant])

    for _ in range(ITEMS if not mixed else 4 * ITEMS):
        demand = bench.step()
        assert demand is not None
        bench.ask(demand.tenant_id, demand.weight, costs[demand.tenant_id], demand.priority)

    settled = {tenant: float(bench.used[tenant]) for tenant in weights}
    for demand, tokens in bench.running:
        settled[demand.tenant_id] -= max(LEAST, tokens)
    assert jain([settled[tenant] / weight for tenant, weight in weights.items()]) >= 0.98


def test_no_slot_is_idle_while_anything_waits() -> None:
    bench = Bench(1, 5)
    waiting = 0
    for _ in range(2_000):
        for _ in range(bench.rng.choice([0, 0, 1, 3])):
            bench.ask(f"t-{bench.rng.randrange(20)}", 10 ** bench.rng.uniform(-3, 3), large)
            waiting += 1
        taken = bench.step()
        assert (taken is None) == (waiting == 0)
        waiting -= taken is not None
        assert len(bench.fair) == waiting


def test_a_tenant_that_comes_now_goes_before_a_flood() -> None:
    bench = Bench(2, 100)
    for _ in range(5_000):
        bench.ask("flood", 1, lambda _: (1_000, 100))
    for _ in range(1_000):
        bench.step()

    for _ in range(3):
        bench.ask("other", 1, lambda _: (500, 500))
    begun = [bench.step() for _ in range(40)]

    last = max(at for at, one in enumerate(begun) if one is not None and one.tenant_id == "other")
    assert last <= 2 * QUANTUM / LEAST


def test_a_heavy_tenant_does_not_go_first_with_all_that_it_may() -> None:
    bench = Bench(3, 1)
    for _ in range(100):
        bench.ask("heavy", 1_000, lambda _: (1_000, 1_000))
        bench.ask("light", 1, lambda _: (1_000, 1_000))

    begun = [bench.step() for _ in range(4)]

    assert {one.tenant_id for one in begun[:2] if one is not None} == {"heavy", "light"}


def test_the_lightest_tenant_gets_its_turn() -> None:
    bench = Bench(4, 1)
    for _ in range(10):
        bench.ask("light", 1e-9, exact)

    assert [demand.tenant_id for _ in range(10) if (demand := bench.step())] == ["light"] * 10


def test_an_idle_tenant_collects_nothing() -> None:
    bench = Bench(5, 1)
    bench.ask("sleeper", 1, lambda _: (1_000, 1_000))
    for _ in range(2_000):
        bench.ask("busy", 1, lambda _: (1_000, 1_000))
    for _ in range(1_000):
        bench.step()

    for _ in range(200):
        bench.ask("sleeper", 1, lambda _: (1_000, 1_000))
    begun = Counter(one.tenant_id for _ in range(100) if (one := bench.step()))

    assert abs(begun["sleeper"] - begun["busy"]) <= 4


def test_going_away_and_coming_back_within_a_round_gains_nothing() -> None:
    bench = Bench(6, 1)
    for tenant in ("a", "b", "c"):
        for _ in range(1_000):
            bench.ask(tenant, 1, lambda _: (700, 700))
    bench.ask("blinking", 1, lambda _: (700, 700), Priority.INTERACTIVE)

    served = False
    for _ in range(1_000):
        demand = bench.step()
        if served:
            bench.ask("blinking", 1, lambda _: (700, 700), Priority.INTERACTIVE)
        served = demand is not None and demand.tenant_id == "blinking"

    assert bench.started["blinking"] <= 1.1 * bench.started["a"]


def begun_of(fair: FairShare[str], count: int) -> list[str | None]:
    return [fair.take() for _ in range(count)]


def crowd(fair: FairShare[str], tenant: str, count: int, **more: Any) -> None:
    for number in range(count):
        fair.put(Demand(tenant, 1_000, number, **more), tenant)


def test_estimates_that_were_far_too_high_do_not_add_up_to_a_head_start() -> None:
    fair: FairShare[str] = FairShare()
    crowd(fair, "flood", 1_000)
    begun_of(fair, 100)
    crowd(fair, "other", 1)

    for _ in range(100):
        fair.settle(Demand("flood", 1_000), 100)

    assert "other" in begun_of(fair, 6)


def test_what_is_given_back_to_an_idle_tenant_is_no_head_start() -> None:
    fair: FairShare[str] = FairShare()
    dear = Demand("dear", 20_000)
    fair.put(dear, "dear")
    crowd(fair, "other", 200)
    begun_of(fair, 21)

    fair.settle(dear, 100)
    crowd(fair, "dear", 100)

    assert begun_of(fair, 12).count("dear") <= 7


def test_what_a_run_cost_beyond_its_estimate_counts_at_once() -> None:
    fair: FairShare[str] = FairShare()
    crowd(fair, "dear", 10)
    crowd(fair, "other", 100)
    begun_of(fair, 2)

    fair.settle(Demand("dear", 1_000), 41_000)

    assert begun_of(fair, 30) == ["other"] * 30


def test_the_lightest_weight_leaves_the_others_their_shares() -> None:
    fair: FairShare[str] = FairShare()
    crowd(fair, "light", 10, weight=1e-15)
    begun_of(fair, 10)
    crowd(fair, "heavy", 1_000, weight=4.0)
    crowd(fair, "plain", 1_000)

    begun = begun_of(fair, 500)

    assert begun.count("heavy") == pytest.approx(400, abs=20)


def test_what_a_run_cost_beyond_its_estimate_is_owed_also_by_who_has_gone() -> None:
    fair: FairShare[str] = FairShare()
    dear = Demand("dear", 1_000)
    fair.put(dear, "d")
    for number in range(100):
        fair.put(Demand("other", 1_000, number), f"o-{number}")
    started = [fair.take() for _ in range(6)]
    fair.settle(dear, 21_000)
    fair.put(replace(dear, order=1), "again")

    while started[-1] != "again":
        started.append(fair.take())

    assert 18 <= len(started) <= 26


def test_runs_that_use_nothing_do_not_keep_a_round_open() -> None:
    fair: FairShare[Demand] = FairShare()
    for number in range(1_000):
        fair.put(Demand("failing", 500, number, 0.0, Priority.INTERACTIVE), Demand("failing", 500))
    fair.put(Demand("patient", 500, 0, 0.0, Priority.BATCH), Demand("patient", 500))

    begun: list[str] = []
    while "patient" not in begun:
        taken = fair.take()
        assert taken is not None
        begun.append(taken.tenant_id)
        fair.settle(taken, 0)

    assert len(begun) <= 2 * QUANTUM / LEAST


def test_within_a_round_interactive_tenants_go_first() -> None:
    fair: FairShare[str] = FairShare()
    for priority in (Priority.BATCH, Priority.STANDARD, Priority.INTERACTIVE):
        for tenant in range(3):
            fair.put(Demand(f"{priority}-{tenant}", 100, 0, 0.0, priority), priority)

    assert [fair.take() for _ in range(9)] == ["interactive"] * 3 + ["standard"] * 3 + ["batch"] * 3


def test_a_batch_tenant_gets_its_share_beside_interactive_ones() -> None:
    bench = Bench(7, 1)
    for _ in range(3_000):
        bench.ask("batch", 1, exact, Priority.BATCH)
        bench.ask("interactive", 1, exact, Priority.INTERACTIVE)

    for _ in range(2_000):
        bench.step()

    assert jain([float(bench.used[tenant]) for tenant in ("batch", "interactive")]) >= 0.98


def order_of(*asked: tuple[Priority, float]) -> list[int]:
    fair: FairShare[int] = FairShare()
    for order, (priority, since) in enumerate(asked):
        fair.put(Demand("acme", 100, order, since, priority), order)
    return [taken for _ in asked if (taken := fair.take()) is not None]


def test_a_tenant_s_interactive_request_goes_first_but_not_before_what_has_waited_long() -> None:
    batch, standard, interactive = Priority.BATCH, Priority.STANDARD, Priority.INTERACTIVE

    assert order_of((batch, 0), (standard, 1), (interactive, 2)) == [2, 1, 0]
    assert order_of((batch, 0), (interactive, 2 * AGEING_S + 1)) == [0, 1]
    assert order_of((batch, 0), (interactive, 2 * AGEING_S - 1)) == [1, 0]
    assert order_of((standard, 0), (interactive, AGEING_S + 1)) == [0, 1]


def test_within_a_class_the_place_decides_not_the_clock() -> None:
    assert order_of((Priority.STANDARD, 9.0), (Priority.STANDARD, 3.0)) == [0, 1]


def test_nobody_starves_whatever_comes() -> None:
    bench = Bench(8, 4)
    since: dict[str, deque[int]] = defaultdict(deque)
    longest = 0
    for step in range(6_000):
        if step < 5_000:
            tenant = f"t-{bench.rng.randrange(30)}"
            bench.ask(tenant, bench.rng.choice([1, 1, 2]), exact, bench.rng.choice(list(Priority)))
            since[tenant].append(step)
        taken = bench.step()
        if taken is not None:
            longest = max(longest, step - since[taken.tenant_id].popleft())

    assert not any(since.values())
    assert longest < 500


def test_what_is_forgotten_of_a_tenant_that_has_gone_is_everything() -> None:
    fair: Any = FairShare()
    for number in range(10_000):
        demand = Demand(f"t-{number}", 500)
        fair.put(demand, "x")
        fair.take()
        fair.settle(demand, 700)
    fair.take()

    assert (fair._accounts, fair._line) == ({}, [])
