"""What happened in a round: faults and when, so that each breach can be told as one of them."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.tally import NO_FAULT


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault that came about, in monotonic time."""

    name: str
    at: float


@dataclass(slots=True)
class Chronicle:
    """The faults of a round, in order."""

    faults: list[Injected] = field(default_factory=list)

    def blame(
        self, who: Hashable | None, sent: Mapping[Hashable, float], answered: Mapping[Hashable, float]
    ) -> str:
        """The last fault before it was answered; where it never was, the first after it was sent."""
        if who is not None and who in answered:
            return _last([one for one in self.faults if one.at <= answered[who]])
        if who is not None and who in sent:
            later = [one for one in self.faults if one.at >= sent[who]]
            return later[0].name if later else _last(self.faults)
        return _last(self.faults)


def _last(faults: Sequence[Injected]) -> str:
    return faults[-1].name if faults else NO_FAULT
