"""A histogram of durations of bounded size and bounded error: 32 buckets for each doubling.

Values below 64 are kept exactly; above, a percentile is off by at most 1/64 (1.6 %) of the true value, and
never lies outside what was seen. Two histograms with the same values are equal, in whatever order they came.
"""

from collections.abc import Sequence
from math import ceil

SUB_BITS = 5
EXACT_BELOW = 2 << SUB_BITS
LARGEST = (1 << 31) - 1  # in milliseconds 24 days; what is longer counts as that


def bucket_of(value: int) -> int:
    """The number of the bucket that holds a value."""
    if value < EXACT_BELOW:
        return value
    shift = value.bit_length() - SUB_BITS - 1
    return (shift << SUB_BITS) + (value >> shift)


def middle_of(bucket: int) -> int:
    """The value in the middle of a bucket."""
    if bucket < EXACT_BELOW:
        return bucket
    shift = (bucket >> SUB_BITS) - 1
    low = (bucket - (shift << SUB_BITS)) << shift
    return low + (1 << shift) // 2


class Histogram:
    """How often values fell into which bucket, the least and the most of them."""

    __slots__ = ("buckets", "least", "most")

    def __init__(self) -> None:
        self.buckets: dict[int, int] = {}
        self.least = LARGEST
        self.most = 0

    def add(self, value: int) -> None:
        """Count one value."""
        value = min(max(value, 0), LARGEST)
        bucket = bucket_of(value)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.least = min(self.least, value)
        self.most = max(self.most, value)

    def percentiles(self, *percents: int) -> tuple[int, ...]:
        """Nearest rank: the least value that at least so many per cent of the values do not exceed."""
        total = sum(self.buckets.values())
        ranks = [max(1, ceil(total * percent / 100)) for percent in percents]
        found: dict[int, int] = {}
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            for rank in ranks:
                if rank <= seen and rank not in found:
                    found[rank] = min(max(middle_of(bucket), self.least), self.most)
        return tuple(found[rank] for rank in ranks)

    def __bool__(self) -> bool:
        return bool(self.buckets)

    def flat(self) -> list[int]:
        """As few numbers as it takes; nothing at all where nothing was counted."""
        if not self.buckets:
            return []
        pairs = [number for pair in sorted(self.buckets.items()) for number in pair]
        return [self.least, self.most, *pairs]


def from_flat(numbers: Sequence[int]) -> Histogram:
    """The histogram that `flat` came from."""
    histogram = Histogram()
    if numbers:
        histogram.least, histogram.most = numbers[0], numbers[1]
        histogram.buckets = dict(zip(numbers[2::2], numbers[3::2], strict=True))
    return histogram
