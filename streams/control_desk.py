"""Acts on the commands of the control topic, beside each other; each is audited."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from pydantic import ValidationError

from schemas.codec import Undecodable, decode
from schemas.control import Command, ControlCommand
from schemas.dead_letters import DeadLetter
from schemas.failures import FAILURES, Code
from schemas.partitions import partition_for
from streams.audits import LONGEST, Finding, audit, of_command, refused
from streams.docket import Docket
from streams.emission import Emissary
from streams.endings import Endings
from streams.flow import Accepted, Emission, Parcel, Problem, Record
from streams.intake import Intake
from streams.lifeline import Lifeline
from streams.one_by_one import OneByOne
from streams.parked import Parked, ParkReason
from streams.plans import PlanRefused
from streams.ports import Clock, Outbox, ParkedBodies
from streams.trust import NOBODY, Trust, Warrant
from streams.waiting import Identity, Waiting
from streams.waits import Waits

PATIENCE_S = 2.0  # an approval may be given while the request that asks for it is being parked
LOOK_S = 0.05


class DeadLetters(Protocol):
    """Finds dead letters again."""

    async def find(self, partition: int, dead_letter_id: str) -> DeadLetter | None:
        """The one of this id; None where the topic does not hold it (any more)."""
        ...


class PlanStore(Protocol):
    """Changes tenants' plans."""

    async def pause(self, tenant_id: str, paused: bool) -> tuple[str | None, str | None]:
        """Returns the plan's sha256 before and after, when the change is in force."""
        ...


@dataclass(frozen=True, slots=True)
class DeskParts:
    """What the desk works with."""

    endings: Endings
    waits: Waits
    intake: Intake
    emissary: Emissary
    outbox: Outbox
    bodies: ParkedBodies
    letters: DeadLetters
    plans: PlanStore
    opened: Callable[[int], Awaitable[bool]]  # what is parked on a partition is known; False: it is not ours
    clock: Clock
    lifeline: Lifeline
    trust: Trust


@dataclass(frozen=True, slots=True)
class Order:
    """One command, and where it stood."""

    partition: int
    offset: int
    record: Record
    dealt_with: bool  # by an earlier owner, before some that stand in front of it


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it, and what is published with its audit."""

    finding: Finding
    parked: Parked | None = None  # is written anew: it goes on, or waits for another decision


@dataclass(frozen=True, slots=True)
class Case:
    """A command that was understood, in its partition's docket."""

    order: Order
    docket: Docket
    tenant_id: str
    command: ControlCommand
    at: datetime  # when it was first looked at
    who: Warrant


class ControlDesk:
    """One queue for each partition that is ours. What is about other things does not wait for each other."""

    def __init__(self, parts: DeskParts, partitions: int) -> None:
        self._parts: Final = parts
        self._partitions: Final = partitions
        self._queues: dict[int, asyncio.Queue[Order]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._turns: Final = OneByOne()

    # -- the sink of the control topic's tail

    def take(self, partition: int, offset: int, record: Record, effective: bool) -> None:
        """One record. Of those that an earlier owner dealt with only cancels still matter."""
        if effective or partition in self._queues:
            self._queue(partition).put_nowait(Order(partition, offset, record, not effective))
        if effective:
            return
        try:
            command = decode(ControlCommand, record.value)
        except (Undecodable, ValidationError, ValueError):
            return
        if command.command is Command.CANCEL:
            said_at = command.at or self._parts.clock.at()
            self._cancel((_tenant(record), command.request_id or ""), command, said_at)

    def caught_up(self, partition: int) -> None:
        """What stood there at the takeover was handed over."""

    def assigned(self, partitions: frozenset[int], gained: frozenset[int]) -> None:
        """Other partitions' commands are another worker's business; those of the gained ones come anew."""
        for partition in set(self._tasks) - (partitions - gained):
            self._tasks.pop(partition).cancel()
            del self._queues[partition]

    def _queue(self, partition: int) -> "asyncio.Queue[Order]":
        if partition not in self._queues:
            queue: asyncio.Queue[Order] = asyncio.Queue()
            self._queues[partition] = queue
            task = asyncio.create_task(self._work(partition, queue))
            self._tasks[partition] = self._parts.lifeline.hold(task)
        return self._queues[partition]

    # -- in turn

    async def _work(self, partition: int, queue: "asyncio.Queue[Order]") -> None:
        docket = Docket()
        if await self._parts.opened(partition):
            async with asyncio.TaskGroup() as under_way:
                while True:
                    order = await queue.get()
                    await docket.begin(order.offset)
                    under_way.create_task(self._deal_with(order, docket))

    async def _deal_with(self, order: Order, docket: Docket) -> None:
        record = order.record
        tenant_id = _tenant(record)
        if order.dealt_with:
            docket.finish(order.offset)
            return
        at, trust = self._parts.clock.at(), self._parts.trust
        seal = trust.examine(record, at)
        try:
            command = decode(ControlCommand, record.value)
        except (Undecodable, ValidationError, ValueError):
            result = Result(refused("invalid_field"))
            await self._publish(order, docket, NOBODY, "unknown", result)
            return
        who, refusal = trust.warrant(tenant_id, command, seal)
        # What is told of it elsewhere names whose key it was, too.
        command = command.model_copy(update={"actor": who.actor})
        case = Case(order, docket, tenant_id, command, at, who)
        if refusal is not None:
            await self._conclude(case, Result(refused(refusal, _subject(case), command.request_id)))
        elif not tenant_id or partition_for(tenant_id.encode(), self._partitions) != order.partition:
            await self._conclude(case, Result(refused("wrong_partition", request_id=command.request_id)))
        else:
            async with self._turn(case):
                await self._conclude(case, await self._act(case))

    def _turn(self, case: Case) -> AbstractAsyncContextManager[None]:
        """Whoever changes what another is changing waits for it; the effects of others are whole at once."""
        tenant_id, command = case.tenant_id, case.command
        match command.command:
            case Command.APPROVE | Command.REJECT:
                asking = self._parts.waits.parking.lot.awaiting(tenant_id, command.approval_id or "")
                return self._turns.turn(asking.identity) if asking is not None else nullcontext()
            case Command.PAUSE | Command.RESUME:
                return self._turns.turn(tenant_id)
            case Command.CANCEL:
                return self._turns.turn((tenant_id, command.request_id or ""))
            case Command.REPLAY:
                return nullcontext()

    async def _act(self, case: Case) -> Result:
        tenant_id, command = case.tenant_id, case.command
        match command.command:
            case Command.CANCEL:
                return Result(
                    self._cancel((tenant_id, command.request_id or ""), command, self._parts.clock.at())
                )
            case Command.APPROVE | Command.REJECT:
                return await self._judge(tenant_id, command)
            case Command.REPLAY:
                return await self._replay(case)
            case Command.PAUSE | Command.RESUME:
                paused = command.command is Command.PAUSE
                try:
                    before, after = await self._parts.plans.pause(tenant_id, paused)
                except PlanRefused as error:
                    return Result(refused(error.code, tenant_id))
                return Result(Finding("done", None, tenant_id, None, before, after))

    async def _conclude(self, case: Case, result: Result) -> None:
        await self._publish(case.order, case.docket, case.who, case.command.command.value, result)

    async def _publish(self, order: Order, docket: Docket, who: Warrant, action: str, result: Result) -> None:
        """The effect, its audit and which commands are dealt with: all or nothing."""
        parts = self._parts
        entry = of_command(
            f"control-{order.partition}-{order.offset}",
            parts.clock.at(),
            who.actor,
            action,
            _tenant(order.record) or None,
            result.finding,
        ).model_copy(update={"role": who.role})
        emissions: list[Emission] = []
        waiting: Waiting | None = None
        if result.parked is not None:
            emissions.append(parts.emissary.parked(result.parked))
            waiting = parts.waits.parking.lot.reserve(result.parked)
        topic = parts.emissary.topics.audit
        emissions.append(audit(topic, order.partition, order.record.key, entry))
        # The outbox keeps the order: what is said to be dealt with here is durable no later than this.
        parcel = Parcel(order.partition, tuple(emissions), None, docket.finish(order.offset))
        offset = await parts.outbox.publish(parcel)
        if waiting is not None and result.parked is not None and offset is not None:
            parts.waits.parking.settled(waiting, result.parked, offset)

    # -- the commands

    def _cancel(self, key: Identity, command: ControlCommand, at: datetime) -> Finding:
        parts = self._parts
        said = f" ({command.reason[:LONGEST]})" if command.reason else ""
        who = (command.actor or "a command")[:LONGEST]
        problem = Problem(Code.CANCELLED, f"cancelled by {who}{said}")
        waiting = parts.waits.find(key)
        if parts.endings.cancel(key, problem):
            return Finding("done", request_id=key[1])
        if waiting is not None and not waiting.live:
            parts.waits.parking.release(waiting, problem)
            return Finding("done", request_id=key[1])
        parts.waits.cancellations.keep(key, problem, at)
        return Finding("kept", request_id=key[1])

    async def _judge(self, tenant_id: str, command: ControlCommand) -> Result:
        approval_id, request_id = command.approval_id or "", command.request_id
        parked = await self._awaiting(tenant_id, approval_id)
        if parked is None:
            return Result(refused("not_found", approval_id, request_id))
        found = next(one for one in parked.approvals if one.approval_id == approval_id)
        if found.approved is not None:
            return Result(refused("already_decided", approval_id, parked.request_id))
        digest = command.arguments_digest
        if (digest or command.command is Command.APPROVE) and digest != found.arguments_digest:
            return Result(refused("wrong_digest", approval_id, parked.request_id))
        at = self._parts.clock.at()
        if found.expires_at <= at:
            return Result(refused("expired", approval_id, parked.request_id))
        decided = replace(
            found,
            approved=command.command is Command.APPROVE,
            actor=command.actor and command.actor[:LONGEST],
            reason=command.reason and command.reason[:LONGEST],
            decided_at=at,
        )
        approvals = tuple(decided if one is found else one for one in parked.approvals)
        open_ones = any(one.approved is None for one in approvals)
        reason = ParkReason.APPROVAL if open_ones else ParkReason.DECIDED
        finding = Finding("done", None, approval_id, parked.request_id)
        return Result(finding, replace(parked, approvals=approvals, reason=reason))

    async def _awaiting(self, tenant_id: str, approval_id: str) -> Parked | None:
        """The parked request that asks for this. Waited for only while its record is being written."""
        loop, lot = asyncio.get_running_loop(), self._parts.waits.parking.lot
        give_up = loop.time() + PATIENCE_S
        while (waiting := lot.awaiting(tenant_id, approval_id)) is not None:
            if waiting.place.offset >= 0:
                if waiting.live:
                    return None  # it expires just now
                (parked,) = await self._parts.bodies.fetch([waiting.place])
                return parked
            if loop.time() >= give_up:
                return None
            await asyncio.sleep(LOOK_S)
        return None

    async def _replay(self, case: Case) -> Result:
        letter_id = case.command.dead_letter_id or ""
        letter = await self._parts.letters.find(case.order.partition, letter_id)
        if letter is None or letter.tenant_id != case.tenant_id:
            return Result(refused("not_found", letter_id, case.command.request_id))
        parked = self._next_generation(letter, case.at)
        if parked is None:
            return Result(refused("not_replayable", letter_id, letter.request_id))
        known = self._parts.waits.find(parked.identity)
        if known is not None and known.generation >= parked.generation:
            return Result(refused("already_decided", letter_id, letter.request_id))
        return Result(Finding("done", None, letter_id, letter.request_id), parked)

    def _next_generation(self, letter: DeadLetter, at: datetime) -> Parked | None:
        """A failed request, to be run once more; what is said of it from then on is about this generation."""
        try:
            failed = FAILURES[Code(letter.code)].outcome == "failed"
            key, value, headers = letter.original.raw()
        except ValueError:
            return None
        source = letter.source
        stamp = source.timestamp or at
        kept = tuple((name, raw or b"") for name, raw in headers)
        record = Record(
            source.topic, source.partition, source.offset, round(stamp.timestamp() * 1000), key, value, kept
        )
        candidate = self._parts.intake.parse(record, self._parts.clock.now(), at)
        if not failed or not isinstance(candidate, Accepted):
            return None
        request = candidate.request
        return Parked(
            request.tenant_id,
            request.request_id,
            candidate.sha256,
            ParkReason.REPLAY,
            record,
            at,
            None,
            session_id=request.session_id,
            generation=letter.generation + 1,
        )


def _subject(case: Case) -> str | None:
    """What a command that is not obeyed was about."""
    return case.command.approval_id or case.command.dead_letter_id or case.tenant_id or None


def _tenant(record: Record) -> str:
    return (record.key or b"").decode(errors="replace")
