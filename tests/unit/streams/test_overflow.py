"""The overflow: by tenant, first come first served within a class, and room is kept for who is on its way."""

from schemas.requests import Priority
from streams.overflow import Overflow
from streams.parked import ParkedPlace, ParkReason
from streams.waiting import Waiting


def waiting(
    order: int, tenant: str = "acme", priority: Priority = Priority.STANDARD, since: float = 0.0
) -> Waiting:
    place = ParkedPlace(0, order)
    identity = (tenant, f"r-{order}")
    return Waiting(identity, "", place, ParkReason.OVERFLOW, order, None, 0, since=since, priority=priority)


def drain(overflow: Overflow, tenant: str = "acme") -> list[int]:
    taken = []
    while (first := overflow.first(tenant)) is not None:
        overflow.expect(first)
        taken.append(first.order)
    return taken


def test_the_lowest_place_goes_first_whenever_it_came() -> None:
    overflow = Overflow()
    for order in (5, 3, 4):
        overflow.add(waiting(order, since=10.0 - order))

    assert drain(overflow) == [3, 4, 5]


def test_a_higher_priority_goes_first_unless_the_others_have_waited_long() -> None:
    overflow = Overflow()
    overflow.add(waiting(1, priority=Priority.BATCH, since=0))
    overflow.add(waiting(2, priority=Priority.BATCH, since=50))
    overflow.add(waiting(3, priority=Priority.INTERACTIVE, since=70))

    assert drain(overflow) == [1, 3, 2]


def test_tenants_do_not_see_each_other() -> None:
    overflow = Overflow()
    overflow.add(waiting(1))
    overflow.add(waiting(2, "globex"))

    assert (drain(overflow), overflow.holds("acme"), overflow.holds("globex")) == ([1], False, True)
    assert (overflow.expected("acme"), overflow.expected("globex")) == (1, 0)


def test_room_is_kept_until_it_is_back() -> None:
    overflow = Overflow()
    one = waiting(1)
    overflow.add(one)
    drain(overflow)
    assert overflow.expects(one)

    overflow.arrived(one.identity)

    assert not overflow.expects(one)
    assert overflow.tenants() == []


def test_what_has_gone_is_passed_over_and_forgotten() -> None:
    overflow = Overflow()
    gone, stays, ends = waiting(1), waiting(3), waiting(2)
    for one in (gone, ends, stays):
        overflow.add(one)
    overflow.remove(gone.identity)
    ends.live = True

    assert drain(overflow) == [3]
    overflow.remove(stays.identity)
    assert overflow.tenants() == []


def test_one_that_is_taken_back_keeps_its_place() -> None:
    overflow = Overflow()
    first, second = waiting(1), waiting(2)
    overflow.add(first)
    overflow.add(second)
    overflow.expect(first)

    overflow.add(first)

    assert overflow.expected("acme") == 0
    assert drain(overflow) == [1, 2]
