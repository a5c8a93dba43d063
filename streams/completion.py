"""The end of a request: its outcome is decided, published and released, in this order."""

from dataclasses import replace
from typing import Final

from agents_defs.run_journal import RunLost
from schemas.failures import Code
from schemas.responses import Memory, Status
from streams.conversations import Conversations, LateTurn
from streams.conveyor import Conveyor
from streams.correspondence import Correspondence
from streams.deltas import DeltaFeed
from streams.emission import Emissary
from streams.entries import Entry
from streams.estimates import used
from streams.feeds import feed_of
from streams.flow import Accepted, Invalid, Outcome, Parcel, Problem, Rejected, identity
from streams.journal import Patience, paid_by
from streams.observations import RecordRejected, RequestDone
from streams.parcel_codec import decode_parcel, encode_parcel, late_turn_of
from streams.ports import Clock, RunKey, RunStore, SessionTurn


class Completion:
    """Ends requests."""

    def __init__(
        self,
        emissary: Emissary,
        letters: Correspondence,
        store: RunStore,
        patience: Patience,
        clock: Clock,
        conversations: Conversations | None = None,
    ) -> None:
        self.emissary: Final = emissary
        self._outbox: Final = letters.outbox
        self.letters: Final = letters
        self._store: Final = store
        self._patience: Final = patience
        self._clock: Final = clock
        self._conversations: Final = conversations or Conversations(None, store, patience)
        self.observer: Final = patience.observer

    async def finish(
        self,
        conveyor: Conveyor,
        entry: Entry,
        candidate: Accepted | Invalid,
        outcome: Outcome,
        feed: DeltaFeed | None = None,
    ) -> None:
        """This is its outcome, unless another attempt has decided."""
        if entry.parking is not None:
            await entry.written()  # what is said to be published there has to be
            outcome = replace(outcome, published=entry.published)
        parcel, outcome = self.emissary.outcome(
            candidate, outcome, entry.attempt, feed, self._clock.at(), parked=entry.parked is not None
        )
        if entry.began:
            try:
                await self._decide(entry, candidate, outcome, parcel)
            except RunLost:
                await conveyor.readmit(entry)  # whoever was admitted since answers it, if anybody was
                return
        conveyor.leave(entry)  # the outbox keeps the order, so the next one need not wait for it
        await self.letters.publish(candidate, parcel, entry.parked)
        conveyor.done(entry)
        agent = candidate.spec.name if isinstance(candidate, Accepted) else "unknown"
        code = outcome.problem.code if outcome.problem else None
        self.observer.observe(RequestDone(agent, outcome.status, code, outcome.status is Status.FAILED))

    async def _decide(
        self, entry: Entry, candidate: Accepted | Invalid, outcome: Outcome, parcel: Parcel
    ) -> None:
        """With its session's turn, before it is published: who reads the answer may ask on at once."""
        key = RunKey(*identity(candidate), entry.attempt, entry.token, entry.generation)
        session_id = candidate.request.session_id if isinstance(candidate, Accepted) else None
        turn: SessionTurn | None = None
        late: LateTurn | None = None
        if session_id is not None and outcome.new_items and outcome.memory is not Memory.NONE:
            turn = SessionTurn(session_id, outcome.new_items, outcome.anew, _ttl_s(candidate))
            if outcome.mark is not None:
                late, turn = LateTurn(key, turn, outcome.mark), None
        encoded, spent = encode_parcel(parcel, late), used(outcome.calls, ran=outcome.started_at is not None)
        if outcome.started_at is None and outcome.problem and outcome.problem.code is Code.LIMIT_CONCURRENCY:
            spent = replace(spent, requests=0)  # it was counted when it came, and is refused after all
        try:
            await self._patience.asked(lambda: self._store.decide(key, encoded, turn, spent))
        except RunLost as lost:
            if not lost.emptied:
                raise
            # The store was emptied; the partition is ours, or the transaction will not let this pass.
        if late is not None:
            await self._conversations.add(late)

    async def conclude(
        self, conveyor: Conveyor, entry: Entry, candidate: Accepted | Invalid, problem: Problem
    ) -> None:
        """It fails of this. What it has cost is kept, also where its answer could not be written."""
        ran = entry.outcome or Outcome(
            Status.FAILED,
            calls=tuple(entry.calls),
            published=entry.published,
            generation=entry.generation,
        )
        failed = replace(ran, status=Status.FAILED, problem=problem, output=None, new_items=())
        await self.finish(conveyor, entry, candidate, failed, entry.feed)

    async def refuse(self, conveyor: Conveyor, entry: Entry, problem: Problem) -> None:
        """It is not run."""
        candidate = entry.candidate
        if isinstance(candidate, Rejected):
            return
        queued_s = self._clock.now() - candidate.received
        outcome = Outcome(Status.REFUSED, problem, queued_s=queued_s, generation=entry.generation)
        if entry.attempt > 1 or (entry.parked is not None and entry.parked.started):
            outcome = await self._ran_before(entry, outcome)
        await self.finish(conveyor, entry, candidate, outcome, feed_of(entry))

    async def _ran_before(self, entry: Entry, outcome: Outcome) -> Outcome:
        """A run was started when the request could be accepted still: what it cost is kept, if anything."""
        key = RunKey(*identity(entry.candidate), entry.attempt, entry.token, entry.generation)
        try:
            begun = await self._patience.asked(lambda: self._store.begin(key, 0, None))
        except RunLost:
            return outcome
        entry.began = True
        calls = tuple(paid_by(begun.entries, key))
        if not calls and not entry.published:
            return outcome
        if isinstance(entry.candidate, Accepted):  # its plan does not allow it any more
            return replace(outcome, calls=calls, published=entry.published)
        message = "the run began with an agent that this worker does not have any more: deploy it again"
        problem = Problem(Code.AGENT_VERSION_GONE, message)
        return replace(outcome, status=Status.FAILED, problem=problem, calls=calls, published=entry.published)

    async def reject(self, conveyor: Conveyor, entry: Entry, rejected: Rejected) -> None:
        """It cannot be decoded."""
        parcel = self._unparking(entry, self.emissary.rejected(rejected))  # it could be when it was parked
        await self.letters.turned_away(rejected, parcel, conveyor.register.find, entry.parked)
        conveyor.done(entry)
        record = rejected.record
        self.observer.observe(RecordRejected(rejected.code, record.partition, record.offset))

    def obstacle(self, outcome: bytes) -> str | None:
        """Why an outcome that was decided cannot be published by this worker; None: it can."""
        try:
            late = late_turn_of(outcome)
        except (ValueError, TypeError, KeyError, AttributeError):
            return "another version wrote it, which this one cannot read: deploy that one"
        return self._conversations.lacking(late)

    async def publish_decided(self, conveyor: Conveyor, entry: Entry, outcome: bytes) -> None:
        """An earlier attempt decided and died: what it left is the outcome."""
        parcel, late = decode_parcel(outcome), late_turn_of(outcome)
        if late is not None:
            await self._conversations.add(late)
        if not any(one.value is None for one in parcel.emissions):
            parcel = self._unparking(entry, parcel)
        await self.letters.publish(entry.candidate, parcel, entry.parked)
        conveyor.done(entry)

    def _unparking(self, entry: Entry, parcel: Parcel) -> Parcel:
        if entry.parked is None:
            return parcel
        gone = self.emissary.unparked(*entry.parked.identity, parcel.partition)
        return replace(parcel, emissions=(*parcel.emissions, gone))

    async def answered_before(self, conveyor: Conveyor, entry: Entry) -> None:
        """It has its outcome, of which who asked for it was not told."""
        await self.letters.answered_before(entry.candidate)
        conveyor.done(entry)

    async def tidy(self, conveyor: Conveyor, entry: Entry) -> None:
        """It has its outcome: only its parked record is left, and whoever asked may not have been told."""
        await self.letters.answered_before(entry.candidate)
        whose = entry.parked.identity if entry.parked is not None else identity(entry.candidate)
        gone = self.emissary.unparked(*whose, entry.place[0])
        await self._outbox.publish(Parcel(entry.place[0], (gone,)))
        conveyor.done(entry)


def _ttl_s(candidate: Accepted | Invalid) -> float | None:
    return candidate.spec.memory.ttl_s if isinstance(candidate, Accepted) else None
