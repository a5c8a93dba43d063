"""How far time has come in a partition: up to which moment everything that was written has been counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streams.book_ports import Place, Progress
from streams.books import PartitionMark, Source, window_of
from streams.tables import WINDOWS


@dataclass(slots=True)
class OpenPartition:
    """A partition that is ours, since it is."""

    mark: PartitionMark
    seen_ms: dict[Source, int] = field(default_factory=dict)  # the latest entry
    complete_ms: dict[Source, int] = field(default_factory=dict)  # what was written by then was counted
    goal: dict[Source, tuple[int, int]] = field(default_factory=dict)  # an end, and when it was the end
    processed: dict[Source, int] = field(default_factory=dict)  # the last offset that was counted

    def saw(self, source: Source, at_ms: int) -> None:
        """An entry of this time was read."""
        self.seen_ms[source] = max(self.seen_ms.get(source, 0), at_ms)

    def counted(self, source: Source, offset: int) -> None:
        """Everything up to this offset is in the changelog. What is delivered again does not set us back."""
        self.processed[source] = max(self.processed.get(source, -1), offset)
        self.mark.next_offset[source] = max(self.mark.next_offset[source], offset + 1)

    def survey(self, source: Source, end: int, at_ms: int, progress: Progress | None) -> None:
        """The source ended there at that moment. Once it is read so far, all that was written by then is."""
        if source in self.goal:
            self._judge(source, progress)
        if source not in self.goal:
            self.goal[source] = (end, at_ms)
            self._judge(source, progress)

    def _judge(self, source: Source, progress: Progress | None) -> None:
        end, at_ms = self.goal[source]
        reached = self.mark.next_offset[source] >= end
        if not reached and progress is not None and progress.position >= end:
            # What is left before the end are markers of transactions, if all that was fetched was counted.
            reached = progress.fetched is None or self.processed.get(source, -1) >= progress.fetched
        if reached:
            self.complete_ms[source] = at_ms
            del self.goal[source]

    @property
    def counted_until(self) -> int:
        """Everything that was written until then is counted, as far as is known."""
        return min(self.complete_ms.get(source, 0) for source in Source)

    def settled_until(self, now_ms: int) -> int:
        """Windows that end by then can be closed: both sources are past them, and past the grace.

        While a backlog is read nobody knows how far behind it is, so the latest entry is gone by, generously.
        A clock that runs ahead must not close what others still write to, hence never past `now_ms`.
        """
        bounds = [
            max(
                self.complete_ms.get(source, 0) - WINDOWS.grace_s * 1000,
                min(self.seen_ms.get(source, 0), now_ms) - WINDOWS.backlog_s * 1000,
            )
            for source in Source
        ]
        return max(0, window_of(min(bounds)))


def forget_remade(partition: int, offsets: Sequence[dict[Source, int]], ends: Mapping[Place, int]) -> None:
    """A topic that ends before what was counted was made anew since: it is read from its start."""
    for source in Source:
        if max(known[source] for known in offsets) > ends[source, partition]:
            for known in offsets:
                known[source] = 0
