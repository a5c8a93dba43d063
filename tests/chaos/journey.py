"""When each request was sent and answered, and hence how long a fault was felt."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Journey:
    """Monotonic times by what is due: a request's tenant and id, or the place of a record that has none."""

    sent: dict[Hashable, float] = field(default_factory=dict)
    answered: dict[Hashable, float] = field(default_factory=dict)

    def send(self, due: Hashable, now: float) -> None:
        """The broker has it."""
        self.sent.setdefault(due, now)

    def answer(self, due: Hashable, now: float) -> None:
        """Its outcome can be read."""
        self.answered.setdefault(due, now)

    def open(self) -> list[Hashable]:
        """What was sent and has no outcome."""
        return [due for due in self.sent if due not in self.answered]

    def open_at(self, at: float) -> list[Hashable]:
        """What was sent by then and had no outcome then."""
        return [
            due for due, sent in self.sent.items() if sent <= at and self.answered.get(due, float("inf")) > at
        ]

    def recovered(self, at: float) -> float | None:
        """How long after a fault the last request from before it had its outcome; None: some have none."""
        return felt(self.open_at(at), self.answered, at)


def felt(open_then: Iterable[Hashable], answered: Mapping[Hashable, float], at: float) -> float | None:
    """From a fault until the last of these was answered."""
    longest = 0.0
    for due in open_then:
        if due not in answered:
            return None
        longest = max(longest, answered[due] - at)
    return longest
