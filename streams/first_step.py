"""Runs a coroutine without a task as long as it need not wait, which most deliveries never do."""

from collections.abc import Coroutine, Generator
from typing import Any, Final


class Suspended(Coroutine[Any, Any, Any]):
    """A coroutine that has begun and waits for something: as a task it goes on from there.

    A task asks what to wait for; the first time, that is what the first step has already said.
    """

    def __init__(self, begun: Coroutine[Any, Any, Any], awaited: Any) -> None:
        self._begun: Final = begun
        self._awaited: list[Any] = [awaited]

    def send(self, value: Any) -> Any:
        """One more step."""
        return self._awaited.pop() if self._awaited else self._begun.send(value)

    def throw(self, *error: Any) -> Any:
        """What was waited for failed, or the task is cancelled; perhaps before its first step."""
        self._awaited.clear()
        return self._begun.throw(*error)

    def close(self) -> None:
        """It will not go on."""
        self._begun.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise TypeError("to be run as a task")


def step(coroutine: Coroutine[Any, Any, Any]) -> Suspended | None:
    """Let it run until it has to wait; None when it never had to. What it raises is raised here."""
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return Suspended(coroutine, awaited)
