"""Who waits for a seat: in order, once, and no more once it is taken out."""

from random import Random

from streams.parked import ParkedPlace, ParkReason
from streams.seat_queue import SPARE, SeatQueue
from streams.waiting import Waiting


def waiting(order: int, *, started: bool = False) -> Waiting:
    place = ParkedPlace(0, order)
    return Waiting(("acme", f"r-{order}"), "sha", place, ParkReason.WINDOW, order, None, 0, started=started)


def orders(queue: SeatQueue) -> list[int]:
    found = []
    while (one := queue.pop()) is not None:
        found.append(one.order)
    return found


def test_the_first_that_came_goes_first_and_those_that_were_started_before_them() -> None:
    queue = SeatQueue()
    for one in (waiting(3), waiting(1), waiting(7, started=True), waiting(2)):
        queue.put(one)

    assert len(queue) == 4
    assert orders(queue) == [7, 1, 2, 3]
    assert len(queue) == 0


def test_who_is_put_twice_is_there_once() -> None:
    queue, one = SeatQueue(), waiting(1)
    queue.put(one)
    queue.put(one)

    assert orders(queue) == [1]


def test_another_of_the_same_name_takes_its_place() -> None:
    queue, other = SeatQueue(), waiting(5)
    other.identity = ("acme", "r-1")
    queue.put(waiting(1))
    queue.put(other)

    assert queue.pop() is other
    assert queue.pop() is None


def test_who_was_taken_out_does_not_come() -> None:
    queue, one = SeatQueue(), waiting(1)
    queue.put(one)
    queue.put(waiting(2))

    queue.remove(one)
    queue.remove(one)

    assert orders(queue) == [2]


def test_only_those_that_are_wanted_stay() -> None:
    queue = SeatQueue()
    for number in range(6):
        queue.put(waiting(number))

    queue.keep(lambda one: one.order % 2 == 0)

    assert orders(queue) == [0, 2, 4]


def test_whatever_comes_and_goes_the_order_holds_and_memory_does_not_grow() -> None:
    queue, there, random = SeatQueue(), dict[int, Waiting](), Random(7)
    for _ in range(5_000):
        number = random.randrange(40)
        if number in there and random.random() < 0.6:
            queue.remove(there.pop(number))
        elif number not in there:
            there[number] = waiting(number)
            queue.put(there[number])
        elif random.random() < 0.3:
            first = queue.pop()
            assert first is there.pop(min(there))

    assert len(queue) == len(there)
    assert len(queue._heap) <= SPARE + 2 * 40 + 1
    assert orders(queue) == sorted(there)
