"""The whole matrix: servers, rounds one after the other, a checkpoint after each."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.broker.nursery import Nursery
from tests.chaos import checkpoint
from tests.chaos.checkpoint import Checkpoint
from tests.chaos.faults import approvals, network, producers, stores, workers
from tests.chaos.mutants import MUTANTS
from tests.chaos.plan import LONG, MUTANT, SHORT, Round, Size, plan
from tests.chaos.round import Performance, Stage
from tests.chaos.scene import Fault
from tests.chaos.servers import Servers
from tests.chaos.tally import Tally

WORKER = "tests.chaos.worker_process"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command was asked for."""

    seed: int
    long: bool
    folder: Path
    mutant: str | None = None
    only: tuple[str, ...] = ()  # faults; none: all
    rounds: int | None = None  # so many at most
    keep: bool = False

    @property
    def size(self) -> Size:
        """How large it is."""
        if self.mutant:
            return MUTANT
        return LONG if self.long else SHORT

    @property
    def title(self) -> str:
        """All that the outcome depends on."""
        return f"seed {self.seed}, {'long' if self.long else 'short'}, {self.mutant}, {','.join(self.only)}"

    @property
    def checkpoint(self) -> Path:
        """Where a long one notes how far it is."""
        return self.folder / "checkpoint.json"


def catalogue() -> dict[str, Fault]:
    """Every fault by its name."""
    kinds: Sequence[Sequence[Fault]] = [
        part.catalogue() for part in (workers, stores, network, producers, approvals)
    ]
    return {fault.name: fault for kind in kinds for fault in kind}


def rounds(wishes: Wishes, faults: Mapping[str, Fault]) -> list[Round]:
    """What is to be played."""
    mutant = MUTANTS[wishes.mutant] if wishes.mutant else None
    only = wishes.only or (mutant.faults if mutant else ())
    chosen = [faults[name] for name in only] if only else list(faults.values())
    planned = plan(wishes.seed, wishes.size, chosen)[: wishes.rounds]
    if mutant is None:
        return planned
    return [replace(one, workers=max(2, one.workers), static=mutant.named) for one in planned]


async def run(
    wishes: Wishes, say: Callable[[str], None], done: Callable[[Tally], None]
) -> tuple[Tally, float]:
    """Play all rounds: what they add up to, and how long it took. A mutant ends when it is found out."""
    faults = catalogue()
    planned = rounds(wishes, faults)
    begun = (checkpoint.read(wishes.checkpoint, wishes.title) if wishes.long else None) or Checkpoint(
        wishes.title, 0, Tally()
    )
    tally, started = begun.tally, time.monotonic() - begun.spent_s
    servers, nursery = Servers(wishes.folder / "servers"), Nursery(WORKER)
    stage = Stage(
        servers,
        nursery,
        wishes.folder,
        wishes.seed,
        wishes.size,
        (wishes.mutant,) if wishes.mutant else (),
        wishes.keep,
        say,
    )
    try:
        await servers.start()
        for one in planned[begun.next_round :]:
            names = "named" if one.static else "unnamed"
            say(f"round {one.number + 1} of {len(planned)}: {one.workers} workers, {names}")
            await Performance(stage, one, tally).play(faults)
            if wishes.long:
                Checkpoint(wishes.title, one.number + 1, tally, time.monotonic() - started).write(
                    wishes.checkpoint
                )
            done(tally)
            if wishes.mutant and tally.failed:
                break
    finally:
        await asyncio.shield(servers.stop())
        nursery.close()
    return tally, time.monotonic() - started
