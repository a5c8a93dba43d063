"""Correspondence: agents' questions go out as requests, and their responses come back to who waits for them.

A question is written in the transaction that parks the run which asks. Its response is written in one that
parks that run anew, with the reply: whatever crashes, either both stand or neither does.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, Final

import orjson

from agents_defs.questions import Question, Reply
from schemas.codec import encode
from schemas.control import Command, ControlCommand
from schemas.failures import Code
from schemas.money import rounded_down
from schemas.requests import AgentRequest, Parent
from streams.asked import Asked
from streams.emission import ROOM_BYTES
from streams.entries import Entry
from streams.flow import Accepted, Candidate, Emission, Headers, Parcel, Rejected, fingerprint, identity
from streams.one_by_one import OneByOne
from streams.parked import Parked, ParkReason
from streams.parking import Parking
from streams.ports import Clock, Outbox, ParkedBodies
from streams.question_ids import question_id
from streams.topics import MIB, TopicNames
from streams.turns import Suspended
from streams.waiting import Identity, Waiting

LOOK_S = 0.02  # a reply may be there before the record of the run that asked is known to be

NO_KEY = Reply(
    "refused",
    None,
    Code.AGENT_NOT_ALLOWED,
    "requests have to be signed here, and the worker has no key to sign with: set PENSTOCK_SIGNING_KEY_FILE",
)
TOO_LARGE = Reply(
    "refused",
    None,
    Code.INVALID_FIELD,
    "the question is too large for a record, with the metadata that it takes along: ask a shorter one",
)
LOST = Reply(
    "failed",
    None,
    Code.INTERNAL,
    "it was answered right before a crash, which kept the answer from who asked: ask again",
)
TAKEN = Code.DUPLICATE_CONFLICT  # its id was: what is under way under that is another request
Sign = Callable[[str, bytes | None, bytes | None], Headers | None]


def unsigned(_topic: str, _key: bytes | None, _value: bytes | None) -> Headers:
    """Where nobody asks for signatures."""
    return ()


@dataclass(frozen=True, slots=True)
class Desk:
    """What letters are written and posted with."""

    topics: TopicNames
    parking: Parking
    outbox: Outbox
    bodies: ParkedBodies
    clock: Clock
    sign: Sign = unsigned  # None of it: this worker has no key to sign with, and cannot ask
    max_request_bytes: int = MIB


@dataclass(frozen=True, slots=True)
class Asking:
    """All that a run has asked so far, why it waits, and the requests that are to be written."""

    asked: tuple[Asked, ...]
    reason: ParkReason
    requests: tuple[Emission, ...] = ()


class Correspondence:
    """Between requests that ask and those that they ask."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk
        self.outbox: Final = desk.outbox  # for what nobody waits for
        self._turns: Final = OneByOne()

    # -- questions

    def asked(self, entry: Entry, accepted: Accepted, suspended: Suspended) -> Asking:
        """What comes of it that a run stops to wait."""
        before = entry.parked.asked if entry.parked is not None else ()
        if not suspended.questions:
            return Asking(before, suspended.reason)
        fresh = asked_by(accepted, entry.token, suspended.questions, suspended.left_usd)
        written = [self.written(accepted, one) for one in fresh]
        asked = (*before, *(one for one, _ in written))
        requests = tuple(request for _, request in written if request is not None)
        return Asking(asked, reason_of(asked), requests)

    def written(self, accepted: Accepted, asked: Asked) -> tuple[Asked, Emission | None]:
        """The question's request, and the question with the digest of its bytes; or why it is not asked."""
        desk, value = self._desk, self._value(accepted, asked)
        if len(value) > min(desk.max_request_bytes, MIB) - ROOM_BYTES:
            # The broker would take none of what is published together with it.
            return replace(asked, reply=TOO_LARGE), None
        topic, key = desk.topics.requests, accepted.request.tenant_id.encode()
        signature = desk.sign(topic, key, value)
        if signature is None:
            return replace(asked, reply=NO_KEY), None
        request = Emission(topic, accepted.record.partition, key, value, list(signature))
        return replace(asked, sha256=sha256(value).hexdigest()), request

    def _value(self, accepted: Accepted, asked: Asked) -> bytes:
        request, above = accepted.request, self.lineage(accepted)
        return encode(
            AgentRequest(
                request_id=asked.request_id,
                tenant_id=request.tenant_id,
                agent=asked.agent,
                input=asked.input,
                user_id=request.user_id,
                priority=request.priority,
                deadline=request.deadline,
                over_limit=request.over_limit,
                max_cost_usd=asked.max_cost_usd,
                metadata=request.metadata,
                parent=Parent(
                    request_id=request.request_id, depth=len(above) + 1, path=(*above, accepted.spec.name)
                ),
            )
        )

    def lineage(self, accepted: Accepted) -> tuple[str, ...]:
        """The agents that wait for this request. Only who is waited for has any, whatever others say."""
        parent = accepted.request.parent
        return parent.path if parent is not None and self.awaiting(accepted) is not None else ()

    # -- replies

    async def publish(self, candidate: Candidate, parcel: Parcel, ended: Parked | None = None) -> int | None:
        """Publish an outcome, with all that others learn from it. `ended`: its own parked record."""
        child = identity(candidate)
        called_off = self._called_off(parcel, ended)
        if called_off:
            parcel = replace(parcel, emissions=(*parcel.emissions, *called_off))
        waiting = self.awaiting(candidate)
        if waiting is None:
            return await self._desk.outbox.publish(parcel)
        return await self._hand_on(waiting, child, reply_of(parcel, self._desk.topics.responses), parcel)

    async def turned_away(
        self,
        rejected: Rejected,
        parcel: Parcel,
        under_way: Callable[[Identity], object],
        parked: Parked | None = None,
    ) -> int | None:
        """Publish a dead letter. No response follows: if it is a question's, who asked is told now.

        Nothing of such a record is believed but that its bytes are the question's, where that has to stand.
        A copy stands behind the question itself, which is under way then, or answered. `parked`: the record
        of one that could be read when it was parked.
        """
        lot, record = self._desk.parking.lot, rejected.record
        child = lot.inquiries.written_as(fingerprint(rejected))
        waiting = None if child is None else lot.asking(child)
        if child is None or waiting is None or waiting.place.partition != record.partition:
            return await self._desk.outbox.publish(parcel)
        itself = rejected.code is TAKEN or (parked is not None and parked.identity == child)
        copied = not itself and (lot.find(child) is not None or under_way(child))
        if copied or record.key != child[0].encode():
            return await self._desk.outbox.publish(parcel)
        reply = Reply("failed", None, rejected.code, rejected.message)
        return await self._hand_on(waiting, child, reply, parcel)

    def awaiting(self, candidate: Candidate) -> Waiting | None:
        """Who waits for the response to just this request."""
        child = identity(candidate)
        waiting = self._desk.parking.lot.asking(child)
        return waiting if waiting is not None and waiting.asks(child[1], candidate.record.value) else None

    async def answered_before(self, candidate: Candidate) -> None:
        """Its response stands, and who waits for it has none: that happens where nothing is atomic."""
        waiting = self.awaiting(candidate)
        if waiting is not None:
            nothing_more = Parcel(candidate.record.partition, ())
            await self._hand_on(waiting, identity(candidate), LOST, nothing_more)

    async def _hand_on(
        self, waiting: Waiting, child: Identity, reply: Reply | None, parcel: Parcel
    ) -> int | None:
        """Publish what came of a question, with the record of who asked, which has the reply."""
        async with self._turns.turn(waiting.identity):
            return await self._replied(child, reply, parcel)

    async def _replied(self, child: Identity, reply: Reply | None, parcel: Parcel) -> int | None:
        desk = self._desk
        parked = await self._awaiting(child)
        if parked is None or reply is None:
            return await desk.outbox.publish(parcel)
        berth = desk.parking.reserve(with_reply(parked, child[1], reply))
        if berth is None:
            berth = desk.parking.reserve(with_reply(parked, child[1], too_long(reply)))
        if berth is None:  # there is no room for any: it waits until its deadline
            return await desk.outbox.publish(parcel)
        # Where nothing is atomic the reply stands first: rather is a question answered again than never.
        offset = await desk.outbox.publish(replace(parcel, emissions=(berth.record, *parcel.emissions)))
        if offset is not None:
            desk.parking.settled(berth.waiting, berth.parked, offset)
        return offset

    async def _awaiting(self, child: Identity) -> Parked | None:
        """The parked run that asked, when its record stands: without that the reply would be lost."""
        while (waiting := self._desk.parking.lot.asking(child)) is not None:
            if waiting.place.offset >= 0:
                return await self._body(waiting)
            await asyncio.sleep(LOOK_S)
        return None

    async def _body(self, waiting: Waiting) -> Parked | None:
        if waiting.live:
            return None  # it ends just now
        (parked,) = await self._desk.bodies.fetch([waiting.place])
        return parked if self._desk.parking.waits(waiting) else None

    def _called_off(self, parcel: Parcel, ended: Parked | None) -> list[Emission]:
        """Who asked has its outcome: what was asked for it and is not answered is not needed any more."""
        if ended is None:
            return []
        topic, key = self._desk.topics.control, ended.tenant_id.encode()
        return [
            Emission(
                topic,
                parcel.partition,
                key,
                encode(
                    ControlCommand(
                        command=Command.CANCEL,
                        request_id=one.request_id,
                        actor="penstock",
                        reason=f"{ended.request_id}, which asked for it, has ended",
                        at=self._desk.clock.at(),
                    )
                ),
            )
            for one in ended.asked
            if one.reply is None
        ]


def asked_by(
    accepted: Accepted, token: str, questions: Sequence[Question], left_usd: Decimal | None
) -> list[Asked]:
    """Questions with the ids of their requests, which nobody guesses; they share what may be spent still."""
    share = None if left_usd is None else rounded_down(left_usd / max(1, len(questions)))
    named = [(one, question_id(accepted.request, token, one.call)) for one in questions]
    return [
        Asked(one.call, one.agent, one.input, request_id, share, digest=one.digest)
        for one, request_id in named
    ]


def with_reply(parked: Parked, request_id: str, reply: Reply) -> Parked:
    """With one reply more."""
    asked = tuple(replace(one, reply=reply) if one.request_id == request_id else one for one in parked.asked)
    return replace(parked, asked=asked, reason=reason_of(asked))


def reason_of(asked: Sequence[Asked]) -> ParkReason:
    """It goes on when nothing that it asked is open."""
    return ParkReason.ASKED if any(one.reply is None for one in asked) else ParkReason.DECIDED


def too_long(reply: Reply) -> Reply:
    """What fits in the place of one that does not."""
    told = "the answer is too long to be kept with the run that asked: ask for less at a time"
    return Reply("failed", None, Code.OUTPUT_TOO_LARGE, told, reply.cost_usd)


def reply_of(parcel: Parcel, responses: str) -> Reply | None:
    """What the response in a parcel tells who asked."""
    for emission in parcel.emissions:
        if emission.topic == responses and emission.value is not None:
            return _reply(orjson.loads(emission.value))
    return None


def _reply(response: dict[str, Any]) -> Reply:
    error = response.get("error") or {}
    try:
        cost = Decimal((response.get("usage") or {}).get("cost_usd") or 0)
    except InvalidOperation:
        cost = Decimal(0)
    output = response.get("output")
    return Reply(response["status"], output, error.get("code"), error.get("message"), cost)
