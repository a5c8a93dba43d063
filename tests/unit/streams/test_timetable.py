"""What is due is told in the order of time, whatever was changed or taken away meanwhile."""

import random

from streams.timetable import Timetable


def test_what_is_due_comes_earliest_first() -> None:
    table = Timetable[str]()
    for name, due in (("c", 3.0), ("a", 1.0), ("b", 2.0), ("d", 9.0)):
        table.set(name, due)

    assert table.next() == 1.0
    assert table.take(3.0, 10) == ["a", "b", "c"]
    assert table.take(3.0, 10) == []
    assert len(table) == 1


def test_a_changed_time_counts_and_the_former_does_not() -> None:
    table = Timetable[str]()
    table.set("a", 1.0)
    table.set("a", 5.0)
    table.set("b", 4.0)

    assert table.take(4.5, 10) == ["b"]
    assert table.take(5.0, 10) == ["a"]


def test_what_is_removed_is_never_due() -> None:
    table = Timetable[str]()
    table.set("a", 1.0)
    table.remove("a")
    table.remove("never there")

    assert table.next() is None
    assert table.take(9.0, 10) == []


def test_no_more_is_taken_than_asked_for() -> None:
    table = Timetable[int]()
    for number in range(5):
        table.set(number, float(number))

    assert table.take(9.0, 2) == [0, 1]
    assert table.take(9.0, 9) == [2, 3, 4]


def test_times_that_change_all_the_time_take_no_more_room() -> None:
    table = Timetable[int]()
    chance = random.Random(7)
    due: dict[int, float] = {}
    for _ in range(20_000):
        key = chance.randrange(50)
        due[key] = chance.random()
        table.set(key, due[key])

    assert len(table._heap) <= 200
    assert table.take(1.0, 100) == sorted(due, key=lambda key: due[key])
