"""When runs asked the model, by the simulator's ledger."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from app.verify.call_ids import request_of
from schemas.times import parse_at


class Call(NamedTuple):
    """One model call, as the provider saw it come."""

    request_id: str
    attempt: int  # of the run
    at: datetime


def calls_of(ledger: Iterable[Mapping[str, Any]], request_ids: Collection[str]) -> list[Call]:
    """Those for these requests."""
    found = [_call(entry) for entry in ledger]
    return [call for call in found if call.request_id in request_ids]


def _call(entry: Mapping[str, Any]) -> Call:
    call_id = str(entry["call_id"])
    request = request_of(call_id) or ""
    # It ends with the attempt, and the try behind a hyphen.
    attempt = call_id.rpartition(".")[2].partition("-")[0]
    return Call(request.partition("/")[2], int(attempt), parse_at(entry["at"]))


def first_calls(calls: Iterable[Call], least_attempt: int = 1) -> dict[str, datetime]:
    """Of each request: when its run asked first, in this attempt or a later one."""
    first: dict[str, datetime] = {}
    for call in calls:
        if call.attempt >= least_attempt:
            first[call.request_id] = min(call.at, first.get(call.request_id, call.at))
    return first
