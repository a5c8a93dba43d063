"""A process that cannot stop in order is ended; one that can is left alone."""

import contextlib
import threading

from app import last_resort


def test_a_process_that_does_not_stop_is_ended_and_says_so() -> None:
    told, ended = [], threading.Event()
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    last_resort.after(0.0, lambda: told.append("late"), end)

    assert ended.wait(5)
    assert (told, codes) == (["late"], [last_resort.EXIT_CODE])


def test_it_is_ended_also_where_nothing_can_be_told() -> None:
    ended = threading.Event()

    def fails() -> None:
        raise OSError("the log is gone")

    timer = last_resort.after(3600.0, fails, lambda _: ended.set())
    timer.cancel()
    with contextlib.suppress(OSError):
        timer.function()

    assert ended.is_set()


def test_it_holds_up_nobody_s_end() -> None:
    timer = last_resort.after(3600.0, lambda: None)

    assert timer.daemon
    timer.cancel()
