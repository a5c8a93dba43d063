"""What a panel's value is compared with: a count, bounds, a quantile worked out by hand."""

import math
from collections.abc import Callable
from dataclasses import dataclass

Near = Callable[[float], bool]

# Where half of the values lie below a bound, the median lies on either side of it: Prometheus extrapolates
# each bucket by up to the millisecond that the range is longer than the load, and that decides.
HAIR = 1e-4


@dataclass(frozen=True, slots=True)
class Between:
    """Two bounds, both allowed."""

    low: float
    high: float

    def __call__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Exactly:
    """A count, which the panel shows as a rate over the whole load."""

    count: float
    range_s: float

    def __call__(self, per_s: float) -> bool:
        return abs(per_s * self.range_s - self.count) < 0.3


def at_rank(ordered: list[float], rank: float) -> float:
    return ordered[min(len(ordered), max(1, math.ceil(rank))) - 1]


def interpolated(cumulative: list[tuple[float, float]], rank: float) -> float:
    low = below = 0.0
    for high, count in cumulative:
        if math.isinf(high):
            break
        if count >= rank:
            return low + (high - low) * (rank - below) / (count - below)
        low, below = high, count
    return low


def near(value: float, share: float) -> Near:
    return within(value, share * value)


def within(value: float, distance: float) -> Near:
    return Between(value - distance, value + distance)
