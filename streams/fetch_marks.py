"""Marks each record that aiokafka hands out with the positions from which, and up to which, it was read.

A position also moves over what is never handed out: the markers of transactions, and aborted records.
"""

from typing import Any, Final

from aiokafka.consumer import fetcher

BEGINS: Final = "read_from"
ENDS: Final = "read_up_to"
PASSED: Final = "_passed"  # on a partition's state: from where to where nothing was handed out

_original: Final = fetcher.FetchResult.getall


def install() -> None:
    """From now on, in this process."""
    fetcher.FetchResult.getall = _marked


def _marked(result: Any, max_records: int | None = None) -> Any:
    state = result._assignment.state_value(result._topic_partition)
    before = state._position if state is not None else None
    records = _original(result, max_records)
    if state is None or before is None:
        return records
    begins, up_to = state.__dict__.get(PASSED) or (before, before)
    if up_to != before:  # somebody went elsewhere in between
        begins = before
    if not records:
        state.__dict__[PASSED] = (begins, state._position)
        return records
    state.__dict__[PASSED] = None
    for record, following in zip(records, [*records[1:], None], strict=True):
        ends = state._position if following is None else following.offset
        record.__dict__[BEGINS], record.__dict__[ENDS] = begins, ends
        begins = ends
    return records
