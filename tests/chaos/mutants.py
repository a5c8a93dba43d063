"""Mutants of the runtime, each without one guard: the crash matrix must find every one of them out."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from agents_defs.run_journal import RunStopped
from app.adapters import session_turns
from app.adapters.fenced_producer import FencedProducer
from app.adapters.redis_runs import RedisRuns
from streams.completion import Completion
from streams.flow import Accepted, Emission, Parcel
from streams.journal import LiveJournal
from streams.parking import Berth, Parking
from streams.ports import NOTHING, RunKey, SessionTurn, Told
from streams.tracker import Ticket, Tracker

LATE_S = 0.5
_late: set["asyncio.Task[None]"] = set()


@dataclass(frozen=True, slots=True)
class Mutant:
    """One guard less; the faults that find it out fastest."""

    patch: Callable[[], None]
    faults: Sequence[str]
    named: bool = True  # whether a successor takes over its predecessor's name, and so waits for nothing


def acks_out_of_order() -> None:
    """Each record is acknowledged when it is done, whatever stands before it."""

    def release(_: Tracker, ticket: Ticket) -> None:
        ticket.done = True
        if not ticket.line.closed and ticket.ack is not None:
            ticket.ack()

    _replace(Tracker, release)


def no_fencing() -> None:
    """Offsets are committed in the transaction, but nobody checks who commits them."""

    async def commit_offsets(producer: FencedProducer, offsets: Any, group_id: str, _: Any) -> None:
        producer._sender.__class__ = producer._sender.__class__.__mro__[1]  # aiokafka's own, version 0
        signed: dict[TopicPartition, OffsetAndMetadata] = {
            place: OffsetAndMetadata(one.offset, one.note) for place, one in offsets.items()
        }
        await AIOKafkaProducer.send_offsets_to_transaction(producer, signed, group_id)

    _replace(FencedProducer, commit_offsets)


def publish_before_decided() -> None:
    """The outcome goes out, and only then is written down as decided, with its session's turn."""
    decide = Completion._decide
    waiting: dict[int, tuple[Any, ...]] = {}

    async def _decide(
        completion: Completion, entry: Any, accepted: Accepted, outcome: Any, parcel: Parcel
    ) -> None:
        waiting[id(parcel)] = (completion, entry, accepted, outcome, parcel)
        outbox = completion._outbox
        if not hasattr(type(outbox), "_publish_first"):
            _publish_first(type(outbox), waiting, decide)

    _replace(Completion, _decide)


def _publish_first(outbox: Any, waiting: dict[int, tuple[Any, ...]], decide: Callable[..., Any]) -> None:
    plain = outbox.publish

    async def publish(self: Any, parcel: Parcel) -> Any:
        published = await plain(self, parcel)
        undecided = waiting.pop(id(parcel), None)
        if undecided is not None:
            with contextlib.suppress(RunStopped):
                await decide(*undecided)
        return published

    outbox._publish_first = True
    _replace(outbox, publish)


def journal_after_the_run_goes_on() -> None:
    """A run does not wait until what it did is written down."""
    write = LiveJournal._write

    async def _write(journal: LiveJournal) -> None:
        held, journal._held = journal._held, NOTHING
        _later(lambda: written(journal, held))

    async def written(journal: LiveJournal, held: Told) -> None:
        journal._held = held
        await write(journal)

    _replace(LiveJournal, _write)


def session_appended_per_turn() -> None:
    """What a run says is added to its session turn by turn, not with the outcome."""
    begin, record, decide = RedisRuns.begin, RedisRuns.record, RedisRuns.decide
    sessions: dict[tuple[str, str], str] = {}

    async def begin_(store: RedisRuns, run: RunKey, agent_version: int, session_id: str | None) -> Any:
        if session_id is not None:
            sessions[run.tenant_id, run.request_id] = session_id
        return await begin(store, run, agent_version, session_id)

    async def record_(store: RedisRuns, run: RunKey, told: Told, turns_out: int) -> None:
        await record(store, run, told, turns_out)
        session_id = sessions.get((run.tenant_id, run.request_id))
        if session_id is not None and any(name.startswith("m:") for name in told.entries):
            key = store._keys.session(run.tenant_id, session_id)
            turn = SessionTurn(session_id, [{"role": "user", "content": "a turn"}])
            await store._batch.client.rpush(key, session_turns.turn_bytes(store._seal, run, turn))

    async def decide_(store: RedisRuns, run: RunKey, outcome: bytes, _: SessionTurn | None) -> None:
        await decide(store, run, outcome, None)

    for name, function in (("begin", begin_), ("record", record_), ("decide", decide_)):
        setattr(RedisRuns, name, function)


def parked_without_the_transaction() -> None:
    """The offset is released, and the parked record is written a moment later."""
    write = Parking.park

    async def park(parking: Parking, berth: Berth, extra: Iterable[Emission]) -> None:
        emissions = tuple(extra)
        _later(lambda: write(parking, berth, emissions))

    _replace(Parking, park)


def _replace(owner: type, function: Callable[..., Any]) -> None:
    setattr(owner, function.__name__, function)


def _later(work: Callable[[], Any]) -> None:
    async def late() -> None:
        await asyncio.sleep(LATE_S)
        with contextlib.suppress(RunStopped):
            await work()

    task = asyncio.get_running_loop().create_task(late())
    _late.add(task)
    task.add_done_callback(_late.discard)


MUTANTS: Mapping[str, Mutant] = {
    "acks_out_of_order": Mutant(acks_out_of_order, ("kill -9",)),
    "publish_before_decided": Mutant(publish_before_decided, ("kill -9 before decide", "kill -9")),
    "no_fencing": Mutant(
        no_fencing,
        ("frozen before records of a transaction", "frozen before offsets of a transaction"),
        named=False,
    ),
    "journal_after_the_run_goes_on": Mutant(journal_after_the_run_goes_on, ("kill -9",)),
    "session_appended_per_turn": Mutant(session_appended_per_turn, ("kill -9",)),
    "parked_without_the_transaction": Mutant(
        parked_without_the_transaction, ("kill -9 after park", "kill -9")
    ),
}
