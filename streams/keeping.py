"""What is written of a request that goes on later: its parked record, the usage so far, whom it asks."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from streams.correspondence import Correspondence
from streams.deltas import DeltaFeed
from streams.emission import Emissary
from streams.entries import Entry
from streams.flow import Accepted, Emission
from streams.parked import Parked, ParkReason
from streams.ports import Clock
from streams.turns import Suspended


class Keeping:
    """Makes records of entries; decides nothing."""

    def __init__(self, emissary: Emissary, letters: Correspondence, clock: Clock) -> None:
        self._emissary: Final = emissary
        self._letters: Final = letters
        self._clock: Final = clock

    def parked(self, entry: Entry, accepted: Accepted, reason: ParkReason, due_at: datetime | None) -> Parked:
        """Its record, with what its earlier one said of its runs."""
        request, before = accepted.request, entry.parked
        fresh = (one.call_id for one in entry.recorded if one.call_id not in entry.published)
        parked = Parked(
            tenant_id=request.tenant_id,
            request_id=request.request_id,
            sha256=accepted.sha256,
            reason=reason,
            record=accepted.record,
            received_at=accepted.received_at,
            due_at=due_at,
            session_id=request.session_id,
            deadline=request.deadline,
            generation=entry.generation,
            attempt=entry.attempt,
            published_calls=(*entry.published, *fresh),
            priority=request.priority,
            counted_at=accepted.counted_at,
        )
        if before is None:
            return parked
        return replace(
            parked,
            order=before.order,
            started=before.started,
            approvals=before.approvals,
            asked=before.asked,
            spans=before.spans,
            queued_s=before.queued_s,
        )

    def suspended(
        self, entry: Entry, accepted: Accepted, suspended: Suspended, due_at: datetime | None
    ) -> tuple[Parked, Sequence[Emission]]:
        """The record of one whose run stopped without an outcome, and the requests for what it asks."""
        asking = self._letters.asked(entry, accepted, suspended)
        parked = replace(
            self.parked(entry, accepted, asking.reason, due_at),
            started=suspended.begun,
            approvals=suspended.approvals,
            asked=asking.asked,
            spans=suspended.spans,
            queued_s=suspended.queued_s,
        )
        return parked, asking.requests

    def usage(self, entry: Entry, accepted: Accepted) -> list[Emission]:
        """Of the calls that are recorded and not in the books yet."""
        return self._emissary.usage(accepted, entry.recorded, entry.published, self._clock.at())

    def people_asked(self, entry: Entry, accepted: Accepted, parked: Parked) -> list[Emission]:
        """People are asked, by a delta also where nobody watches the run, and that is audited.

        With the parked record, not before it: who decides at once must find what to decide about.
        """
        before = entry.parked.approvals if entry.parked is not None else ()
        known, at = {one.approval_id for one in before}, self._clock.at()
        fresh = [one for one in parked.approvals if one.approval_id not in known]
        feed = entry.feed or DeltaFeed(*parked.identity, parked.record.partition, entry.attempt)
        for one in fresh:
            feed.add("approval_required", one.shown(), feed.turn, feed.at_char)
        asked = [self._emissary.approval_audit(accepted, one, at) for one in fresh]
        return asked + (self._emissary.deltas(accepted, feed, at) if fresh else [])
