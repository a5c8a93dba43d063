"""What a worker's log says of the partitions that it works on."""

from typing import Any

from benchmarks.staff import open_by


def assigned(partitions: list[int], gained: list[int]) -> dict[str, Any]:
    return {"event": "partitions assigned", "partitions": partitions, "gained": gained, "lost": []}


def opened(partition: int) -> dict[str, Any]:
    return {"event": "a partition is open", "partition": partition}


def test_a_partition_counts_when_it_is_open() -> None:
    assert open_by([assigned([0, 1], gained=[0, 1]), opened(1)]) == {1}


def test_what_was_retained_stays_open() -> None:
    lines = [assigned([0, 1], gained=[0, 1]), opened(0), opened(1), assigned([1, 2], gained=[2])]

    assert open_by(lines) == {1}


def test_what_was_another_worker_s_in_between_has_to_open_again() -> None:
    lines = [assigned([0], gained=[0]), opened(0), assigned([0], gained=[0])]

    assert open_by(lines) == frozenset()
    assert open_by([*lines, opened(0)]) == {0}


def test_lines_of_other_events_say_nothing() -> None:
    assert open_by([{"event": "worker starting"}, {"level": "info"}]) == frozenset()
