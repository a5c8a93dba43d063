"""Gates are passed together or not at all; what was reserved becomes what was used; no window is overrun."""

from random import Random

import pytest

from streams.policy.gates import Gate, Spending
from streams.policy.holdings import Held, enter, held_by, missing, settle, together
from streams.policy.windows import Counted, Window

HOUR = Window(1000, "hour")
NOW = 1_900_000_000_000
BUCKET = NOW // HOUR.bucket_ms


def tokens(amount: int, window: Window = HOUR) -> Gate:
    return Gate(window, amount, "tokens")


def test_all_gates_count_or_none() -> None:
    gates = {"r": Gate(Window(5)), "t": tokens(600)}

    states, closed = enter({}, gates, NOW)
    assert closed is None
    again, closed = enter(states, gates, NOW)

    assert closed is not None
    assert (closed.gate, closed.used) == (gates["t"], 600)
    assert again == states


def test_of_several_closed_gates_the_one_that_opens_last_is_told() -> None:
    gates = {"m": Gate(Window(0, "minute")), "d": Gate(Window(0, "day")), "s": Gate(Window(0, "second"))}

    _, closed = enter({}, gates, NOW)

    assert closed is not None
    assert closed.gate is gates["d"]


def test_requests_are_counted_for_good_and_the_rest_is_held() -> None:
    held = held_by({"r": Gate(Window(5)), "t": tokens(600)}, NOW)

    assert held == {"t": Held(HOUR, "tokens", ((BUCKET, 600),))}


def test_what_was_not_used_is_given_back_where_it_was_reserved() -> None:
    state, held = settle(Counted({BUCKET: 900}), Held(HOUR, "tokens", ((BUCKET, 600),)), Spending(50), NOW)

    assert state == Counted({BUCKET: 350})
    assert held.parts == ((BUCKET, 50),)


def test_the_latest_part_is_given_back_first() -> None:
    held = Held(HOUR, "tokens", ((BUCKET - 2, 100), (BUCKET, 300)))

    state, left = settle(Counted({BUCKET - 2: 100, BUCKET: 300}), held, Spending(60), NOW)

    assert state == Counted({BUCKET - 2: 60, BUCKET: 0})
    assert left.parts == ((BUCKET - 2, 60),)


def test_what_was_used_beyond_its_reservation_counts_now() -> None:
    later = NOW + 5 * HOUR.bucket_ms

    state, held = settle(Counted({BUCKET: 40}), Held(HOUR, "tokens", ((BUCKET, 40),)), Spending(100), later)

    assert state == Counted({BUCKET: 40, BUCKET + 5: 60})
    assert held.total == 100


def test_what_has_left_the_window_is_neither_given_back_nor_counted_twice() -> None:
    later = NOW + 62 * HOUR.bucket_ms

    state, held = settle(Counted({BUCKET: 40}), Held(HOUR, "tokens", ((BUCKET, 40),)), Spending(10), later)

    assert state == Counted({})
    assert held.total == 10


def test_only_what_is_not_held_has_to_be_asked_for() -> None:
    held = {"t": Held(HOUR, "tokens", ((BUCKET, 600),))}
    wanted = {"t": tokens(700), "c": Gate(HOUR, 5, "cost_usd")}

    lacks = missing(wanted, held, Spending(), NOW)

    assert {key: gate.amount for key, gate in lacks.items()} == {"t": 100, "c": 5}
    assert missing({"t": tokens(600)}, held, Spending(), NOW) == {}
    assert together(held, held_by(lacks, NOW))["t"].total == 700


def test_what_left_its_window_unused_is_asked_for_again() -> None:
    held = {"t": Held(HOUR, "tokens", ((BUCKET - 90, 600), (BUCKET, 50)))}

    def lacks(used: int) -> int:
        gate = missing({"t": tokens(700)}, held, Spending(used), NOW).get("t")
        return gate.amount if gate is not None else 0

    assert [lacks(0), lacks(200), lacks(600), lacks(900)] == [650, 450, 50, 50]


@pytest.mark.parametrize("seed", range(20))
def test_no_window_is_ever_overrun_and_nobody_is_refused_who_fits(seed: int) -> None:
    """The contract's own words, against a ledger that keeps every amount with its time."""
    rng = Random(seed)
    window = Window(rng.randint(50, 200), rng.choice(["second", "minute", "hour", "day"]))
    length_ms, longer_ms = window.buckets * window.bucket_ms, (window.buckets + 1) * window.bucket_ms
    now, state, ledger = NOW, Counted(), list[tuple[int, int]]()
    running: list[tuple[int, Held]] = []  # its place in the ledger, and what it holds
    for _ in range(400):
        now += rng.choice([0, 0, 1, window.bucket_ms // 2, window.bucket_ms, 7 * window.bucket_ms])
        if running and rng.random() < 0.4:
            place, held = running.pop(rng.randrange(len(running)))
            at, reserved = ledger[place]
            used = rng.randint(0, reserved)
            states, _ = settle(state, held, Spending(used), now)
            state, ledger[place] = states, (at, used)
            continue
        gate = tokens(rng.randint(1, 40), window)
        states_by_key, closed = enter({"t": state}, {"t": gate}, now)
        if closed is None:
            state = states_by_key["t"]
            ledger.append((now, gate.amount))
            running.append((len(ledger) - 1, held_by({"t": gate}, now)["t"]))
            in_window = sum(amount for at, amount in ledger if at > now - length_ms)
            assert in_window <= window.limit
        else:
            in_longer = sum(amount for at, amount in ledger if at > now - longer_ms)
            assert in_longer + gate.amount > window.limit, "a false refusal"
