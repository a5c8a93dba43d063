"""Topics of a deployment, built in memory as Penstock would write them; tests break one thing at a time."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.verify.dump import SNAPSHOT_FILE, topic_file, write_record, write_snapshot
from app.verify.records import Extent, Kind, Record, Snapshot, Terms
from schemas.canonical import request_sha256
from schemas.codec import encode
from schemas.dead_letters import DeadLetter, DeadLetterSource, Original, dead_letter_id
from schemas.deltas import Delta, DeltaKind
from schemas.failures import FAILURES, Code
from schemas.partitions import partition_for
from schemas.record import WireRecord
from schemas.responses import AgentResponse, ResponseError, RunSpan, Source, Status, UsageTotals, response_id
from schemas.usage import Purpose, UsageRecord, UsageState

PARTITIONS = 3
BEGIN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
NAMES = {kind: f"agent.{kind}" for kind in Kind} | {Kind.PARKED: "penstock-parked"}
TERMS = Terms(requests_per_minute=5, max_request_bytes=4096, idempotency_days=7)

Fields = dict[str, Any]


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@dataclass
class Call:
    """One paid model call: what the usage record and the ledger say of it."""

    call_id: str
    input_tokens: int = 100
    output_tokens: int = 10
    state: UsageState = UsageState.SETTLED
    price_source: str = "test"


@dataclass
class World:
    """Records by topic, and the provider's ledger. Also a source."""

    at: datetime = BEGIN
    terms: Terms = TERMS
    since_ms: int | None = None
    records: dict[Kind, list[Record]] = field(default_factory=lambda: {kind: [] for kind in Kind})
    ledger: list[Fields] = field(default_factory=list)
    committed: dict[int, int] = field(default_factory=dict)
    extents: dict[tuple[Kind, int], Extent] = field(default_factory=dict)
    undecided: frozenset[int] = frozenset()

    # -- writing as users do

    def pass_time(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def ask(self, tenant: str, request_id: str, **fields: Any) -> Record:
        body = {"request_id": request_id, "tenant_id": tenant, "agent": "support", "input": "hello"} | fields
        return self.send(tenant.encode(), json.dumps(body).encode())

    def send(self, key: bytes | None, value: bytes | None, partition: int | None = None) -> Record:
        if partition is None:
            partition = partition_for(key or b"", PARTITIONS)
        record = self.write(Kind.REQUESTS, partition, key, value, (("traceparent", b"00-1"),))
        self.committed[partition] = record.offset + 1
        return record

    # -- writing as Penstock does

    def answer(  # the fields of a response are many
        self,
        asked: Record,
        status: Status = Status.COMPLETED,
        *,
        code: Code | None = None,
        output: Any = "It is at sea.",
        calls: int = 1,
        run_s: float = 2.0,
        attempts: int = 1,
        generation: int = 0,
        admitted: datetime | None = None,
    ) -> None:
        """The outcome of a run, with all that belongs to it; takes `run_s`."""
        request = json.loads(asked.value or b"")
        started = self.at
        self.pass_time(run_s)
        run = f"{request['tenant_id']}/{request['request_id']}/{generation}.{attempts}"
        made = [Call(f"{quote(run, safe='')}/m{number}.{attempts}") for number in range(calls)]
        ran = run_s > 0
        outcome = {
            "status": status,
            "output": output if status is Status.COMPLETED else None,
            "error": None if code is None else ResponseError.of(code),
            "attempts": attempts if ran else 0,
            "admitted_at": (admitted or started) if ran else None,
            "started_at": started if ran else None,
            "finished_at": self.at,
            "runs": (RunSpan(start=started, end=self.at),) if ran else (),
            "generation": generation,
        }
        self.respond(asked, request, made if ran else [], outcome)
        if status is Status.FAILED and code is not None:
            self.bury(asked, code, request, generation=generation)
        if request.get("stream") is True:
            self.stream(asked, request, outcome["output"], status)

    def respond(self, asked: Record, request: Fields, calls: Sequence[Call], outcome: Fields) -> None:
        tenant, request_id = request["tenant_id"], request["request_id"]
        response = AgentResponse(
            response_id=response_id(tenant, request_id, outcome["generation"]),
            request_id=request_id,
            request_sha256=request_sha256(request),
            tenant_id=tenant,
            agent=request["agent"],
            session_id=request.get("session_id"),
            usage=UsageTotals(
                model_calls=len(calls),
                input_tokens=sum(call.input_tokens for call in calls),
                output_tokens=sum(call.output_tokens for call in calls),
                cost_usd=Decimal("0.001") * len(calls),
            ),
            source=Source(topic=NAMES[Kind.REQUESTS], partition=asked.partition, offset=asked.offset),
            **outcome,
        )
        self.put(Kind.RESPONSES, asked, response)
        for call in calls:
            self.pay(asked, request, call)

    def pay(self, asked: Record, request: Fields, call: Call) -> None:
        usage = UsageRecord(
            call_id=call.call_id,
            request_id=request["request_id"],
            tenant_id=request["tenant_id"],
            agent="support",
            model="m",
            purpose=Purpose.AGENT,
            state=call.state,
            input_tokens=call.input_tokens,
            output_tokens=call.output_tokens,
            cost_usd=Decimal("0.001"),
            price_source=call.price_source,
            at=self.at,
        )
        self.put(Kind.USAGE, asked, usage)
        self.bill(call)

    def bill(self, call: Call) -> None:
        """The provider's line."""
        self.ledger.append(
            {
                "call_id": call.call_id,
                "billed": True,
                "input_tokens": call.input_tokens,
                "cached_tokens": 0,
                "output_tokens": call.output_tokens,
                "reasoning_tokens": 0,
            }
        )

    def bury(
        self, asked: Record, code: Code, request: Fields | None = None, *, generation: int = 0
    ) -> Record:
        """The dead letter of a record."""
        letter = DeadLetter(
            dead_letter_id=dead_letter_id(NAMES[Kind.REQUESTS], asked.partition, asked.offset, generation),
            code=code,
            stage=FAILURES[code].stage,
            retriable=FAILURES[code].retriable,
            message="so it is",
            generation=generation,
            request_id=request["request_id"] if request else None,
            tenant_id=request["tenant_id"] if request else None,
            source=DeadLetterSource(
                topic=NAMES[Kind.REQUESTS], partition=asked.partition, offset=asked.offset
            ),
            original=Original.of(asked.key, asked.value, asked.headers),
            failed_at=self.at,
        )
        return self.put(Kind.DEADLETTER, asked, letter)

    def stream(self, asked: Record, request: Fields, output: Any, status: Status) -> None:
        """One attempt: a tool, the text in two pieces, the end."""
        said: list[tuple[int, int, DeltaKind, Fields]] = []
        if isinstance(output, str):
            half = len(output) // 2
            said = [
                (0, 0, DeltaKind.TOOL_CALLED, {"name": "look", "call_id": "c", "arguments": {}}),
                (1, 0, DeltaKind.TEXT, {"text": output[:half]}),
                (1, half, DeltaKind.TEXT, {"text": output[half:]}),
            ]
        said.append((1, 0, DeltaKind.END, {"status": status}))
        for seq, (turn, at_char, kind, data) in enumerate(said):
            self.say(asked, request, kind, data, seq=seq, turn=turn, at_char=at_char)

    def say(  # a delta has that many fields
        self,
        asked: Record,
        request: Fields,
        kind: DeltaKind,
        data: Fields,
        *,
        seq: int,
        turn: int = 0,
        at_char: int = 0,
        attempt: int = 1,
    ) -> Record:
        delta = Delta(
            request_id=request["request_id"],
            tenant_id=request["tenant_id"],
            attempt=attempt,
            seq=seq,
            turn=turn,
            at_char=at_char,
            kind=kind,
            data=data,
            at=self.at,
        )
        return self.put(Kind.DELTAS, asked, delta)

    def put(self, kind: Kind, asked: Record, record: WireRecord) -> Record:
        return self.write(kind, asked.partition, asked.key, encode(record))

    def write(
        self,
        kind: Kind,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: tuple[tuple[str, bytes | None], ...] = (),
    ) -> Record:
        offset = sum(record.partition == partition for record in self.records[kind])
        record = Record(partition, offset, ms(self.at), key, value, headers)
        self.records[kind].append(record)
        return record

    # -- what goes wrong

    def find(self, kind: Kind, /, **fields: Any) -> Record:
        """The first record whose value has these fields."""
        for record in self.records[kind]:
            if _fields(record).items() >= fields.items():
                return record
        raise AssertionError(f"no {kind} with {fields}")

    def remove(self, record: Record, kind: Kind) -> Record:
        """Its offset stays empty, as after an aborted transaction."""
        self.records[kind].remove(record)
        return record

    def edit(self, kind: Kind, record: Record, change: Callable[[Fields], None]) -> Record:
        value = json.loads(record.value or b"")
        change(value)
        edited = record._replace(value=json.dumps(value).encode())
        self.records[kind][self.records[kind].index(record)] = edited
        return edited

    def copy(self, kind: Kind, record: Record) -> Record:
        """Written once more, at the end of its partition."""
        return self.write(kind, record.partition, record.key, record.value, record.headers)

    def swap(self, kind: Kind, one: Record, other: Record) -> None:
        """Each takes the other's place."""
        records = self.records[kind]
        here, there = records.index(one), records.index(other)
        records[here] = other._replace(offset=one.offset, timestamp_ms=one.timestamp_ms)
        records[there] = one._replace(offset=other.offset, timestamp_ms=other.timestamp_ms)

    # -- a source

    @property
    def snapshot(self) -> Snapshot:
        extents = {
            kind: {
                partition: self.extents.get((kind, partition), Extent(0, 0, 10_000))
                for partition in range(PARTITIONS)
            }
            for kind in Kind
        }
        return Snapshot(
            ms(self.at), NAMES, self.terms, extents, self.committed, self.since_ms, self.undecided
        )

    async def read(self, kind: Kind, partition: int, extent: Extent) -> AsyncIterator[Sequence[Record]]:
        found = [
            record
            for record in self.records[kind]
            if record.partition == partition and extent.start <= record.offset < extent.end
        ]
        found.sort(key=lambda record: record.offset)
        for start in range(0, len(found), 2):
            yield found[start : start + 2]

    # -- as files

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / SNAPSHOT_FILE).write_bytes(write_snapshot(self.snapshot))
        for kind, records in self.records.items():
            topic_file(directory, kind).write_bytes(b"".join(map(write_record, records)))
        self.save_ledger(directory / "ledger.jsonl")

    def save_ledger(self, path: Path) -> None:
        path.write_text("".join(json.dumps(line) + "\n" for line in self.ledger))


def _fields(record: Record) -> Fields:
    try:
        fields: Fields = json.loads(record.value or b"")
    except ValueError:
        return {}
    return fields


def clean() -> World:
    """A bit of everything, as it should be."""
    world = World()
    asked = world.ask("acme", "r1", session_id="s", stream=True)
    followed = world.ask("acme", "r2", session_id="s")
    last = world.ask("acme", "r3", session_id="s", stream=True)
    world.answer(asked, calls=2)
    world.answer(followed, Status.FAILED, code=Code.MODEL_UNAVAILABLE)
    world.answer(last, output='He said "no" ✓')
    world.copy(Kind.REQUESTS, asked)
    conflict = world.ask("acme", "r1", input="something else")
    world.bury(conflict, Code.DUPLICATE_CONFLICT, json.loads(conflict.value or b""))
    for value in (b"no json", None, b'{"request_id": "r9"}'):
        world.bury(world.send(b"acme", value), Code.UNDECODABLE)
    misplaced = world.ask("acme", "r10")._replace(key=b"globex")
    world.records[Kind.REQUESTS][-1] = misplaced
    world.bury(misplaced, Code.KEY_MISMATCH)
    world.answer(world.ask("acme", "r4", agent="nobody"), Status.REFUSED, code=Code.UNKNOWN_AGENT, run_s=0)
    expired = world.ask("acme", "r5", stream=True)
    world.answer(expired, Status.EXPIRED, code=Code.EXPIRED, run_s=0)
    world.pass_time(120)
    for number in range(5):
        world.answer(world.ask("globex", f"g{number}", session_id=f"s{number % 2}"), run_s=0.1)
    refused = world.ask("globex", "g5")
    world.answer(refused, Status.REFUSED, code=Code.LIMIT_REQUESTS, run_s=0)
    for partition in range(PARTITIONS):
        world.committed[partition] = sum(one.partition == partition for one in world.records[Kind.REQUESTS])
    return world
