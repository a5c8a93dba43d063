"""A reader of deltas who does what the contract tells readers to do, and checks what it promises them."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Delta = dict[str, Any]


class DeltaReader:
    """What a reader knows of one request."""

    def __init__(self, deltas: Iterable[Delta] = ()) -> None:
        self.attempt = 0
        self.turns: dict[int, str] = {}
        self.kinds: list[str] = []
        self.status: str | None = None
        self._next: dict[int, int] = defaultdict(int)
        for delta in deltas:
            self.read(delta)

    @property
    def text(self) -> str:
        """The text of the last turn, which equals the output."""
        return self.turns[max(self.turns)] if self.turns else ""

    def read(self, delta: Delta) -> None:
        """Take in the next one."""
        attempt, turn = delta["attempt"], delta["turn"]
        assert delta["seq"] == self._next[attempt], f"a gap in attempt {attempt}: {delta}"
        self._next[attempt] += 1
        if attempt < self.attempt:
            return
        if delta["kind"] == "superseded":
            self.turns = {n: text for n, text in self.turns.items() if n < delta["data"]["from_turn"]}
        else:
            assert attempt == self.attempt or self.attempt == 0, (
                f"it does not say that it supersedes: {delta}"
            )
        self.attempt = attempt
        self.kinds.append(delta["kind"])
        if delta["kind"] == "text":
            assert delta["at_char"] == len(self.turns.get(turn, "")), f"its text does not follow: {delta}"
            self.turns[turn] = self.turns.get(turn, "") + delta["data"]["text"]
        elif delta["kind"] == "end":
            assert self.status is None, "it ended twice"
            self.status = delta["data"]["status"]


def readers(deltas: Iterable[Delta]) -> dict[str, DeltaReader]:
    """One for each request."""
    found: dict[str, DeltaReader] = defaultdict(DeltaReader)
    for delta in deltas:
        found[delta["request_id"]].read(delta)
    return dict(found)
