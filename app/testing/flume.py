"""A whole worker in memory: the real pipeline between a log of requests and lists of outcomes."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from agents_defs.registry import AgentSpec, Registry
from app.testing.hand_clock import HandClock
from app.testing.held_runs import HeldRuns
from app.testing.memory_claims import ClaimMemory, MemoryClaims
from app.testing.memory_control import CommandTopic, MemoryDeadLetters, MemoryPlans
from app.testing.memory_deltas import MemoryDeltas
from app.testing.memory_outbox import KINDS, NAMES, MemoryLog, MemoryOutbox
from app.testing.memory_reservations import MemoryReservations
from app.testing.memory_runs import MemoryRuns
from app.testing.memory_sessions import MemorySessions
from app.testing.memory_verifier import MemoryVerifier, signed
from app.testing.memory_windows import MemoryWindows
from app.testing.observed import Observed
from app.testing.requests import PARTITIONS, record
from schemas.keyring import Key
from schemas.signatures import SigningKey
from streams.admission import Admission, Tenants
from streams.answers import answered_by
from streams.buffers import Allowance
from streams.caps import CapsInForce
from streams.completion import Completion
from streams.control_desk import ControlDesk, DeskParts
from streams.conversations import Conversations
from streams.correspondence import Correspondence, Sign, unsigned
from streams.correspondence import Desk as Letters
from streams.emission import Emissary
from streams.estimates import Foresight
from streams.execution import Execution
from streams.flow import Answered, DealtWith, Emission, Record
from streams.intake import Intake
from streams.journal import Patience
from streams.licence import Licensing
from streams.lifeline import Lifeline
from streams.options import FlowOptions, LimitOptions
from streams.ownership import Membership, Ownership
from streams.parked import Parked, ParkedPlace, decode_parked
from streams.parking import Parking
from streams.pipeline import Pipeline, Stages
from streams.ports import Shelf
from streams.recount import Recount
from streams.tenancy import Tenancy
from streams.trust import Trust
from streams.turns import Departure
from streams.waits import Surroundings, Waits

MANY_STEPS = 5_000
NEVER_BUILT: Any = object  # the agent of a spec, where runs are doubles
Place = tuple[int, int]


class World:
    """What outlives a worker: topics, committed offsets, and the stores."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.log = MemoryLog()
        self.requests: dict[int, list[Record]] = defaultdict(list)
        self.committed: dict[int, int] = defaultdict(int)
        self.memory = ClaimMemory()
        self.sessions = MemorySessions()
        self.commands = CommandTopic()
        self.plans = MemoryPlans()
        self.generation = 0
        self.keys: dict[str, Key] = {}
        self.signed_requests = self.signed_commands = False
        self.sign: Sign = unsigned  # what workers write

    def now_ms(self) -> int:
        """The store's clock."""
        return round(self.clock.at().timestamp() * 1000)

    def write(self, *values: Any, **more: Any) -> list[Record]:
        """Append requests to their partitions."""
        written = []
        for value in values:
            place = record(0, value, **more).partition
            written.append(record(len(self.requests[place]), value, **more))
            self.requests[place].append(written[-1])
        return written

    def responses(self, request_id: str | None = None) -> list[dict[str, Any]]:
        """What was answered, or what was answered to this request."""
        found = self.log.read(NAMES.responses)
        return [one for one in found if request_id in (None, one["request_id"])]

    def dead_letters(self) -> list[dict[str, Any]]:
        """What could not be done."""
        return self.log.read(NAMES.deadletter)

    def audits(self) -> list[tuple[str, str, str | None]]:
        """What came of which command, and why."""
        told = [one for one in self.log.read(NAMES.audit) if one["audit_id"].startswith("control-")]
        return [(one["action"], one["outcome"], one.get("code")) for one in told]

    def statuses(self) -> dict[str, str]:
        """How each request ended."""
        return {one["request_id"]: one["status"] for one in self.responses()}


class MemoryBodies:
    """Reads parked records from the log."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.fetched = 0

    async def fetch(self, places: Sequence[ParkedPlace]) -> Sequence[Parked | None]:
        """In their order."""
        await asyncio.sleep(0)  # it is asked of a broker
        found: list[Parked | None] = []
        for place in places:
            value = self._log.partitions[NAMES.parked, place.partition][place.offset].value
            found.append(None if value is None else decode_parked(value))
        self.fetched += len(places)
        return found


class Flume:
    """One worker. `own` gives it partitions, `pump` reads what stands on them."""

    def __init__(
        self,
        world: World | None = None,
        runs: Any = None,
        specs: Sequence[AgentSpec] = (),
        limits: LimitOptions | None = None,
        **flow: Any,
    ) -> None:
        self.world = world or World()
        self.clock = self.world.clock
        self.options = FlowOptions(**flow)
        self.observed = Observed()
        self.ownership = Ownership()
        self.lifeline = Lifeline()
        self.claims = MemoryClaims(self.world.now_ms, self.world.memory)
        self.runs: Any = runs or HeldRuns()
        self.store = MemoryRuns(self.world.memory, self.world.now_ms)
        self.departure = Departure()
        self.deltas = MemoryDeltas(self.clock.at)
        self.outbox = MemoryOutbox(self.world.log, self.ownership, self.claims, self.clock, self.observed)
        self.rebuilt: list[int] = []
        self.position: dict[int, int] = {}
        self.member = f"member-{id(self)}"
        emissary = Emissary(NAMES, self.options.max_record_bytes)
        registry = Registry(specs or [AgentSpec("support", 3, NEVER_BUILT)])
        intake = Intake(registry, PARTITIONS, self.options.max_request_bytes, self.options.max_input_bytes)
        clock, observed = self.clock, self.observed
        self.tenancy = Tenancy(limits or LimitOptions(), self.world.plans)
        caps = CapsInForce(self.tenancy.terms, self.runs)
        verifier = MemoryVerifier(self.world.keys)
        self.bodies = MemoryBodies(self.world.log)
        self.letters = MemoryDeadLetters(self.world.log)
        self.parking = Parking(emissary, self.outbox, self.bodies, clock, observed)
        letters = Correspondence(
            Letters(NAMES, self.parking, self.outbox, self.bodies, clock, self.world.sign)
        )
        self.waits = Waits(
            self.parking,
            intake,
            emissary,
            Surroundings(
                clock,
                observed,
                self.lifeline,
                self.options.park_after_s,
                self.tenancy,
                Allowance.of(self.options),
                letters,
                caps,
            ),
        )
        self.world.plans.listeners.append(self.waits.plan_changed)
        tenants = Tenants(self.tenancy.terms, Foresight(self.runs), clock.at, caps)
        patience = Patience(observed, self.departure)
        conversations = Conversations(self.world.sessions, self.store, patience)
        self.pipeline = Pipeline(
            Stages(
                intake=replace(intake, verifier=verifier) if self.world.signed_requests else intake,
                admission=Admission(
                    self.claims,
                    tenants,
                    observed,
                    self.rebuild,
                    self.ownership.owner,
                    self.own_again,
                ),
                execution=Execution(
                    self.runs,
                    self.store,
                    registry,
                    self.deltas,
                    clock,
                    observed,
                    self.departure,
                    licence=Licensing(
                        self.tenancy.terms,
                        Foresight(self.runs),
                        MemoryReservations(self.world.now_ms, self.world.memory),
                        clock.at,
                        caps,
                    ),
                    conversations=conversations,
                ),
                completion=Completion(emissary, letters, self.store, patience, clock, conversations),
                waits=self.waits,
                clock=clock,
                observer=observed,
                lifeline=self.lifeline,
            ),
            self.options,
        )
        within, parked_on = self.pipeline.register.within, self.parking.lot.of
        self.recount = Recount(MemoryWindows(self.world.memory), tenants, within, parked_on)
        self.desk = ControlDesk(
            DeskParts(
                endings=self.pipeline.endings,
                waits=self.waits,
                intake=intake,
                emissary=emissary,
                outbox=self.outbox,
                bodies=self.bodies,
                letters=self.letters,
                plans=self.world.plans,
                opened=self.ownership.opened,
                clock=clock,
                lifeline=self.lifeline,
                trust=Trust(verifier if self.world.signed_commands else None, observed),
            ),
            PARTITIONS,
        )

    def command(self, tenant_id: str = "acme", **command: Any) -> None:
        """Say what is to be done."""
        record = self.world.commands.write(tenant_id, **command)
        self.desk.take(record.partition, record.offset, record, effective=True)

    def signed_command(self, key: SigningKey, tenant_id: str = "acme", **command: Any) -> None:
        """Say it, signed now."""
        record = signed(self.world.commands.write(tenant_id, **command), key, self.clock.at())
        self.desk.take(record.partition, record.offset, record, effective=True)

    async def __aenter__(self) -> "Flume":
        await self.outbox.start()
        await self.own(range(PARTITIONS))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.die()

    async def die(self) -> None:
        """As by kill -9: nothing more is read, run, published or acknowledged."""
        self.ownership.revoked()
        await self.outbox.stop()
        tasks = [entry.task for entry in self.pipeline.register.outside(()) if entry.task is not None]
        self.pipeline.reassigned(())
        self.desk.assigned(frozenset(), frozenset())
        if self.pipeline._admitting is not None:
            self.pipeline._admitting.cancel()
            tasks.append(self.pipeline._admitting)
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- the group

    async def own(self, partitions: Collection[int], *, as_member: str | None = None) -> None:
        """A rebalance that gives these partitions to this worker; all of them are read again."""
        self.ownership.revoked()
        self.world.generation += 1
        self.member = as_member or self.member
        membership = Membership(self.world.generation, self.member, None)
        gained, _ = self.ownership.assigned(membership, partitions)
        self.pipeline.reassigned(sorted(set(partitions) - gained))
        self.position = {partition: self.world.committed[partition] for partition in partitions}
        for partition in sorted(gained):
            self._rebuild_lot(partition)
        await self.rebuild(sorted(gained))
        self.desk.assigned(frozenset(partitions), gained)
        for partition in sorted(gained):
            self.parking.opened(partition, self.world.committed[partition])
            dealt_with = self.world.log.commands.get(partition, DealtWith(0))
            self.world.commands.hand_over(self.desk, partition, dealt_with)

    def _rebuild_lot(self, partition: int) -> None:
        self.parking.lot.begin(partition)
        for offset, emission in enumerate(self.world.log.partitions[NAMES.parked, partition]):
            self.parking.lot.take(partition, offset, emission.key or b"", emission.value)

    async def own_again(self, partitions: Sequence[int]) -> None:
        """As the ledger does: only an earlier generation's owner is replaced."""
        for partition in partitions:
            tenure = self.ownership.tenure(partition)
            if tenure is None or await self.claims.own([partition], tenure.generation - 1, tenure.name):
                continue
            await self.claims.own([partition], tenure.generation, tenure.name)

    async def rebuild(self, partitions: Sequence[int]) -> frozenset[int]:
        """Read the log of outcomes, as the ledger does, and open the partitions."""
        ours = [partition for partition in partitions if partition in self.ownership.partitions]
        for partition in ours:
            tenure = self.ownership.tenure(partition)
            assert tenure is not None
            await self.claims.own([partition], tenure.generation, tenure.name)
            self.rebuilt.append(partition)
            for topic, kind in KINDS.items():
                published = self.world.log.partitions[topic, partition]
                await self.claims.answer(answered(published, letter=kind == "deadletter"), {})
                await self.claims.rebuilt(Shelf(kind, partition), len(published))
            self.ownership.open(partition)
        await self.recount(ours)
        return frozenset(ours)

    # -- intake

    def pump(self) -> int:
        """Take in what stands on our partitions, in turns, as far as there is room."""
        taken = 0
        room = self.pipeline.register.room
        while room.is_set() and (waiting := self._waiting()):
            for partition in waiting:
                if not room.is_set():
                    break
                self._take(self.world.requests[partition][self.position[partition]])
                taken += 1
        return taken

    def _waiting(self) -> list[int]:
        return [
            partition
            for partition, position in self.position.items()
            if position < len(self.world.requests[partition])
        ]

    def _take(self, taken: Record) -> None:
        generation = self.world.generation
        self.position[taken.partition] = taken.offset + 1

        def acknowledge() -> None:
            if self.world.generation == generation:
                self.world.committed[taken.partition] = taken.offset + 1

        self.pipeline.accept(taken, acknowledge)

    def write(self, *values: Any, **more: Any) -> list[Record]:
        """Append requests and take them in."""
        written = self.world.write(*values, **more)
        self.pump()
        return written

    async def until(self, condition: Callable[[], object]) -> None:
        """Let everything go on until this holds."""
        for _ in range(MANY_STEPS):
            if condition():
                return
            await self._step()
        raise AssertionError("it did not come to that")

    async def _step(self) -> None:
        self.pump()
        self.parking.collect_due()
        if self.parking._releases:
            await self.parking.hand_over()
        await asyncio.sleep(0)

    async def running(self, *request_ids: str) -> None:
        """Wait until these run, and no others."""
        await self.until(lambda: sorted(self.runs.running) == sorted(request_ids))

    async def finish(self, *request_ids: str, verdict: Any = "done") -> None:
        """Wait until these run, and let them end."""
        await self.until(lambda: set(request_ids) <= set(self.runs.running))
        for request_id in request_ids:
            self.runs.end(request_id, verdict)

    async def settle(self) -> None:
        """Let everything go on until nothing is under way."""
        await self.until(lambda: not self._waiting() and not self.pipeline.held)

    async def rest(self, steps: int = 60) -> None:
        """Let everything go on that can: for tests that say what does not happen."""
        for _ in range(steps):
            await self._step()

    def lag(self) -> int:
        """Records whose offsets are not released."""
        ends = {partition: len(records) for partition, records in self.world.requests.items()}
        return sum(end - self.world.committed[partition] for partition, end in ends.items())


def answered(published: Sequence[Emission], *, letter: bool) -> list[Answered]:
    """Whose outcomes these are."""
    found = (answered_by(emission.key, emission.headers, letter=letter) for emission in published)
    return [one for one in found if one is not None]
