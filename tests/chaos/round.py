"""Plays one round: a deployment of its own, load, faults one after the other, a drain, and the verdict."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from app import provision
from app.adapters.clock import SystemClock
from schemas.partitions import partition_for
from streams.options import KafkaOptions
from streams.topics import TOPICS
from tests.broker.nursery import Nursery
from tests.chaos import flushes, leaks, memory, roster
from tests.chaos.chronicle import Chronicle, Injected
from tests.chaos.journey import Journey
from tests.chaos.journey import felt as journey_felt
from tests.chaos.judgement import Breach, Judgement, judge
from tests.chaos.load import Load
from tests.chaos.plan import Round, Size
from tests.chaos.provider import Provider
from tests.chaos.roster import Roster
from tests.chaos.scene import Fault, Scene
from tests.chaos.servers import Servers
from tests.chaos.tally import Tally
from tests.chaos.traffic import Traffic
from tests.chaos.verifying import verify

PARTITIONS = 4
SESSION_TIMEOUT_S = 3.0
DRAIN_S = 90.0
CLOSE_AGAIN_S = 8.0
IDLE_S = 1.0
TOLD = 8  # breaches of a promise and round; the rest is counted
REQUIRED = ("one_outcome", "nothing_lost", "session_order", "never_pay_twice", "committed_is_safe", "deltas")


@dataclass(frozen=True, slots=True)
class Stage:
    """What all rounds share."""

    servers: Servers
    nursery: Nursery
    folder: Path
    seed: int
    size: Size
    mutants: tuple[str, ...]
    keep: bool  # logs and topics also of rounds in which nothing is wrong
    say: Callable[[str], None]


class Performance:
    """One round under way."""

    def __init__(self, stage: Stage, planned: Round, tally: Tally) -> None:
        name = f"cm{stage.seed}r{planned.number}t{int(time.time()) % 100_000}"
        self._stage: Final = stage
        self._round: Final = planned
        self._tally: Final = tally
        self._folder: Final = stage.folder / f"round-{planned.number}"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._kafka: Final = KafkaOptions(
            bootstrap=stage.servers.bootstrap,
            topic_prefix=f"{name}.",
            partitions=PARTITIONS,
            app_id=name,
            session_timeout_s=SESSION_TIMEOUT_S,
        )
        self._ledger: Final = self._folder / "ledger.jsonl"
        self._chronicle: Final = Chronicle()
        self._leaks: list[str] = []

    async def play(self, faults: Mapping[str, Fault]) -> None:
        """From the topics to the verdict."""
        stage = self._stage
        provider = Provider(self._ledger)
        await provider.start()
        await provision.create(self._kafka)
        scene = self._scene(provider)
        scene.roster.mutants = stage.mutants
        try:
            scene.roster.start(self._round.workers)
            await scene.roster.ready()
            scene.traffic.start()
            for name in self._round.faults:
                await self._inject(faults[name], scene)
            await self._drain(scene)
            async with stage.servers.redis() as client:
                self._leaks = await leaks.leaks(self._kafka, client, scene.roster)
                remembered = await memory.remembered(client, self._kafka.app_id)
            await scene.roster.retire()
        finally:
            scene.roster.kill()
            await scene.traffic.stop()
            await provider.stop()
        dump, journey = self._folder / "dump", scene.traffic.journey
        report = await verify(self._kafka, self._ledger, dump)
        parked = flushes.parked_in_mid_run(dump)
        anew = flushes.begun_anew(journey, scene.flushes, self._chronicle.faults, parked)
        due = flushes.since_the_last(journey, scene.flushes)
        forgotten = memory.judge(remembered, memory.completed(dump), due)
        then = flushes.right_after(journey, scene.flushes)
        self._count(scene, judge(report, anew, then), forgotten)  # type: ignore[arg-type]  # places are among them
        await self._clean()

    def _scene(self, provider: Provider) -> Scene:
        stage, planned = self._stage, self._round
        seed = f"{stage.seed}/{planned.number}"
        kafka = KafkaOptions(
            bootstrap=stage.servers.proxied_bootstrap,
            topic_prefix=self._kafka.topic_prefix,
            partitions=PARTITIONS,
            app_id=self._kafka.app_id,
            session_timeout_s=SESSION_TIMEOUT_S,
        )
        environment = roster.environment(kafka, stage.servers.proxied_redis, provider.base_url)
        load = Load(f"load/{seed}", SystemClock.at)
        return Scene(
            servers=stage.servers,
            provider=provider,
            roster=Roster(stage.nursery, self._folder, environment, planned.static),
            traffic=Traffic(stage.servers.bootstrap, self._kafka.topic_prefix, load, stage.size.per_second),
            chance=Random(f"scene/{seed}"),
            kafka=self._kafka,
            tricks=Load(f"tricks/{seed}", SystemClock.at),
        )

    # -- faults

    async def _inject(self, fault: Fault, scene: Scene) -> None:
        await asyncio.sleep(scene.chance.uniform(0.1, 0.6))
        row = self._tally.row(fault.name)
        at = await fault.inject(scene)
        if at is None:
            row.missed += 1
            self._stage.say(f"{fault.name}: nobody came by")
            return
        row.injected += 1
        self._chronicle.faults.append(Injected(fault.name, at))
        if fault.heal is not None:
            await asyncio.sleep(fault.lasts_s)
            await fault.heal(scene)
        until = time.monotonic() + self._stage.size.patience_s
        while time.monotonic() < until and scene.traffic.journey.recovered(at) is None:
            scene.traffic.check()
            await asyncio.sleep(0.05)
        felt = scene.traffic.journey.recovered(at)
        self._stage.say(f"{fault.name}: {'still felt' if felt is None else f'{felt:.1f} s'}")

    # -- the end

    async def _drain(self, scene: Scene) -> None:
        """Enough load, then none; and wait until nothing is left to do."""
        while scene.traffic.requests < self._round.requests:
            scene.traffic.check()
            await asyncio.sleep(0.1)
        await scene.traffic.finish()
        until = time.monotonic() + DRAIN_S
        close_at = 0.0
        while time.monotonic() < until:
            if time.monotonic() > close_at:
                await self._close(scene)
                close_at = time.monotonic() + CLOSE_AGAIN_S
            scene.traffic.check()
            if not scene.traffic.journey.open() and not await leaks.lag(self._kafka):
                break
            await asyncio.sleep(0.2)
        await asyncio.sleep(IDLE_S)
        self._tally.requests += scene.traffic.requests

    async def _close(self, scene: Scene) -> None:
        """A last record on each partition: what stands behind an aborted transaction's marker is no lag."""
        open_partitions = set(range(PARTITIONS))
        while open_partitions:
            shot = scene.tricks.slow(0)
            partition = partition_for(shot.key or b"", PARTITIONS)
            if partition in open_partitions:
                open_partitions.remove(partition)
                await scene.traffic.send(shot)

    def _count(self, scene: Scene, judgement: Judgement, forgotten: Sequence[Breach]) -> None:
        journey, tally = scene.traffic.journey, self._tally
        tally.rounds += 1
        tally.excused += len(judgement.excused)
        tally.gave_up += len(scene.roster.gave_up)
        tally.unjudged += judgement.unjudged(REQUIRED)
        self._count_recoveries(journey)
        breaches = [*judgement.breaches, *forgotten, *self._unanswered(journey.open(), judgement.breaches)]
        told: Counter[str] = Counter()
        for breach in breaches:
            name = self._chronicle.blame(breach.who, journey.sent, journey.answered)
            tally.breach(name, breach.column)
            told[breach.promise] += 1
            if told[breach.promise] <= TOLD:
                self._stage.say(f"BREACH {breach.promise}: {breach.where} {breach.what} [{name}]")
        self._stage.say(f"breaches: {dict(told) or 'none'}; excused by a flush: {len(judgement.excused)}")
        for leak in self._leaks:
            tally.breach(self._chronicle.blame(None, {}, {}), "leaked")
            self._stage.say(f"LEAK {leak}")
        self._keep_evidence(self._stage.keep or bool(breaches or self._leaks))

    def _count_recoveries(self, journey: Journey) -> None:
        """Only now, for a fault may still have been felt when the next one came."""
        told: set[Hashable] = set()  # what was never answered is held against the first fault after it only
        for fault in self._chronicle.faults:
            row = self._tally.row(fault.name)
            open_then = [due for due in journey.open_at(fault.at) if due not in told]
            felt = journey_felt(open_then, journey.answered, fault.at)
            told.update(due for due in open_then if due not in journey.answered)
            if felt is None:
                row.unrecovered += 1
            else:
                row.recoveries.append(round(felt, 3))
        if self._chronicle.faults:
            self._say_slowest(journey)

    def _say_slowest(self, journey: Journey) -> None:
        def felt(fault: Injected) -> float:
            return journey.recovered(fault.at) or 0.0

        slowest = max(self._chronicle.faults, key=felt)
        last = max(journey.open_at(slowest.at), key=lambda due: journey.answered.get(due, 0.0), default=None)
        self._stage.say(f"felt longest: {slowest.name}, {felt(slowest):.1f} s, until {last} was answered")

    def _unanswered(self, left: Iterable[object], told: Iterable[Breach]) -> list[Breach]:
        """What was neither answered when patience ended, nor called lost by verify."""
        known = {breach.who for breach in told if breach.column == "lost"}
        return [
            Breach("nothing_lost", "has no outcome, and nobody works on it", f"{due}", due)  # type: ignore[arg-type]
            for due in left
            if due not in known
        ]

    def _keep_evidence(self, needed: bool) -> None:
        if needed:
            self._stage.say(f"what workers logged and what stood on the topics: {self._folder}")
        else:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _clean(self) -> None:
        async with self._stage.servers.redis() as client:
            await client.flushall()
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka.bootstrap)
        await admin.start()
        try:
            names = [topic.full_name(self._kafka.topic_prefix, self._kafka.app_id) for topic in TOPICS]
            await admin.delete_topics(names)
        finally:
            await admin.close()
