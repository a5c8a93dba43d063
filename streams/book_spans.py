"""What the books know of a tenant's windows of limits, in the buckets in which workers count."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from streams.books import Entry, Paid, SpanKey, TenantBook
from streams.policy.gates import Rule, What, nano_usd
from streams.policy.windows import Per, Window

OF_ALL: Final[SpanKey] = ("requests", "minute", "")  # those a book has anyway, in its `admitted`
UNLIMITED: Final = 0  # what a window allows is no matter of its buckets


def spans_of(rules: Iterable[Rule]) -> frozenset[SpanKey]:
    """What is to be counted for them. A second is over before anybody could tell it."""
    return frozenset((one.what, one.window.per, one.agent) for one in rules if one.window.per != "second")


def enter_spans(book: TenantBook, rules: Iterable[Rule], entry: Entry, now_ms: int) -> None:
    """Count it in each of them; what has left them, and what no rule asks for any more, is forgotten."""
    wanted = spans_of(rules) - {OF_ALL}
    for gone in book.spans.keys() - wanted:
        del book.spans[gone]
    for key in wanted:
        what, per, agent = key
        counted = _counted(entry, what)
        if counted is None or (agent and agent != entry.agent):
            continue
        at_ms, amount = counted
        window, span = Window(UNLIMITED, per), book.spans.setdefault(key, {})
        bucket = window.bucket(at_ms)
        span[bucket] = span.get(bucket, 0) + amount
        for old in [number for number in span if not window.holds(number, now_ms)]:
            del span[old]


def _counted(entry: Entry, what: What) -> tuple[int, int] | None:
    """When, and how much; whoever is in the window counts from when it was admitted."""
    if isinstance(entry, Paid):
        if what == "requests":
            return None
        return entry.at_ms, entry.tokens if what == "tokens" else nano_usd(entry.cost_usd)
    return (entry.admitted_ms, 1) if what == "requests" and entry.admitted_ms is not None else None


def present(book: TenantBook, key: SpanKey, now_ms: int) -> Mapping[int, int]:
    """What is in the window now, by bucket."""
    window = Window(UNLIMITED, key[1])
    span = book.admitted if key == OF_ALL else book.spans.get(key, {})
    return {bucket: n for bucket, n in span.items() if n and window.holds(bucket, now_ms)}


def is_over(book: TenantBook, now_ms: int) -> bool:
    """Whether nothing of it is in any window any more."""
    return not any(present(book, key, now_ms) for key in (OF_ALL, *book.spans))


def pack_spans(spans: Mapping[SpanKey, Mapping[int, int]]) -> list[Any]:
    """In JSON's terms."""
    return [[*key, *(number for pair in span.items() for number in pair)] for key, span in spans.items()]


def unpack_spans(packed: list[Any]) -> dict[SpanKey, dict[int, int]]:
    """The spans again."""
    return {
        (cast(What, what), cast(Per, per), agent): dict(zip(numbers[::2], numbers[1::2], strict=True))
        for what, per, agent, *numbers in packed
    }
