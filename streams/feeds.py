"""Which requests have a feed of deltas."""

from streams.deltas import DeltaFeed
from streams.entries import Entry
from streams.flow import Accepted, Invalid, identity


def feed_of(entry: Entry) -> DeltaFeed | None:
    """The feed of a stream; also of one that never starts, for it has an end, too."""
    candidate = entry.candidate
    if isinstance(candidate, Accepted):
        streams = candidate.request.stream
    else:
        streams = isinstance(candidate, Invalid) and candidate.document.get("stream") is True
    return DeltaFeed(*identity(candidate), candidate.record.partition, entry.attempt) if streams else None
