"""Who waits for a seat that tenants share: they take turns, each with its own first one."""

from random import Random

from streams.parked import ParkedPlace, ParkReason
from streams.seat_line import SeatLine
from streams.waiting import Waiting


def waiting(tenant_id: str, order: int) -> Waiting:
    place = ParkedPlace(0, order)
    identity = (tenant_id, f"{tenant_id}-{order}")
    return Waiting(identity, "sha", place, ParkReason.WINDOW, order, None, 0)


def line_of(*these: Waiting) -> SeatLine:
    line = SeatLine()
    for one in these:
        line.put(one)
    return line


def names(line: SeatLine) -> list[str]:
    found = []
    while (one := line.pop()) is not None:
        found.append(one.identity[1])
    return found


def test_tenants_take_turns_and_each_has_its_own_order() -> None:
    line = line_of(*(waiting("a", order) for order in (3, 1, 2, 4)), waiting("b", 9), waiting("c", 5))
    line.put(waiting("b", 8))

    assert len(line) == 7
    assert names(line) == ["a-1", "b-8", "c-5", "a-2", "b-9", "a-3", "a-4"]
    assert (len(line), bool(line)) == (0, False)


def test_whose_turn_came_to_nothing_is_next() -> None:
    a, b = waiting("a", 1), waiting("b", 1)
    line = line_of(a, b, waiting("a", 2))
    assert line.pop() is a

    line.put(a, again=True)

    assert line.first() is a
    assert names(line) == ["a-1", "b-1", "a-2"]


def test_to_look_who_is_first_changes_nothing() -> None:
    line = line_of(waiting("a", 2), waiting("b", 1), waiting("a", 1))

    seen = line.first()

    assert seen is not None
    assert seen.identity[1] == "a-1"
    assert names(line) == ["a-1", "b-1", "a-2"]
    assert line.first() is None


def test_who_is_taken_out_is_there_no_more() -> None:
    one, other = waiting("a", 1), waiting("b", 1)
    line = line_of(one, other, waiting("a", 2))

    line.remove(one)
    line.remove(one)
    line.remove(waiting("c", 1))
    line.keep(lambda waits: waits is not other)

    assert len(line) == 1
    assert names(line) == ["a-2"]


def test_it_knows_how_many_wait_whatever_comes_and_goes() -> None:
    line, rng, there = SeatLine(), Random(3), dict[tuple[str, str], Waiting]()
    for _ in range(3000):
        one = waiting(rng.choice("abc"), rng.randrange(20))
        if rng.random() < 0.5:
            line.put(one, again=rng.random() < 0.2)
            there[one.identity] = one
        elif rng.random() < 0.5 and one.identity in there:
            line.remove(there.pop(one.identity))
        elif (first := line.first()) is not None:
            assert line.pop() is first
            del there[first.identity]
        assert (len(line), bool(line)) == (len(there), bool(there))
