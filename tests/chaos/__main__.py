"""`make crash-matrix`: break everything around a loaded deployment, and let `penstock verify` judge."""

import argparse
import asyncio
import json
import logging
import platform
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from app.brokers import jars, redis
from app.terminal import screen
from tests.chaos import matrix, report
from tests.chaos.checkpoint import OtherMatrix
from tests.chaos.matrix import Wishes
from tests.chaos.mutants import MUTANTS
from tests.chaos.points import missing
from tests.chaos.tally import Tally

SEED = 20_261_121
FOLDER = Path(".penstock/crash-matrix")
PAGE = Path("docs/crash-matrix.md")


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 where anything was lost, duplicated, paid twice, out of order or leaked."""
    asked = parser().parse_args(arguments)
    kind = "long" if asked.long else "short"
    folder = asked.folder / (f"mutant-{asked.mutant}" if asked.mutant else kind)
    wishes = Wishes(
        asked.seed, asked.long, folder, asked.mutant, tuple(asked.fault), asked.rounds, asked.keep
    )
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that Kafka is away is our own doing
    notes = screen.err()
    notes.print(f"seed {wishes.seed}; logs in {folder}")
    for step in missing():
        notes.print(f"not in this version, so not crashed: {step}")
    try:
        tally, took_s = asyncio.run(matrix.run(wishes, note(notes), lambda tally: progress(notes, tally)))
    except OtherMatrix as error:
        notes.print(str(error))
        return 2
    except KeyboardInterrupt:
        notes.print("stopped" + (": run it again to go on" if wishes.long else ""))
        return 130
    screen.out().print(report.table(tally))
    if asked.page is not None and not wishes.mutant and not wishes.only and wishes.rounds is None:
        report.write(asked.page, kind, report.section(tally, facts(wishes, tally, took_s)))
    print(json.dumps(tally.line()))
    return 1 if tally.failed else 0


def parser() -> argparse.ArgumentParser:
    """The flags."""
    made = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    made.add_argument("--seed", type=int, default=SEED, help="orders the faults and the load")
    made.add_argument("--long", action="store_true", help="500 faults and more; goes on where it was stopped")
    made.add_argument("--mutant", choices=sorted(MUTANTS), help="break the runtime: the matrix must fail")
    made.add_argument(
        "--fault", action="append", default=[], choices=sorted(matrix.catalogue()), metavar="NAME"
    )
    made.add_argument("--rounds", type=int, help="play so many at most")
    made.add_argument("--keep", action="store_true", help="also keep the logs of rounds that went well")
    made.add_argument("--folder", type=Path, default=FOLDER, help="servers' data, logs, checkpoint")
    made.add_argument("--page", type=Path, help=f"write the table there, such as {PAGE}")
    return made


def note(console: Console) -> Callable[[str], None]:
    """Say it, with the time."""
    return lambda text: console.print(
        f"{datetime.now(UTC):%H:%M:%S} {screen.one_line(text, most=600)}", soft_wrap=True
    )


def progress(console: Console, tally: Tally) -> None:
    """After a round."""
    console.print(
        f"{tally.faults} faults, {tally.requests} requests: {json.dumps(tally.line())}", soft_wrap=True
    )


def facts(wishes: Wishes, tally: Tally, took_s: float) -> list[str]:
    """What the table rests on."""
    command = "make crash-matrix" + (" LONG=1" if wishes.long else "")
    kafka, store = jars.pinned_version(), redis.version_of(redis.find_binary())
    return [
        f"`{command} SEED={wishes.seed}`, on {datetime.now(UTC):%Y-%m-%d}, took {took_s / 60:.0f} min",
        f"Penstock {version('penstock')}, Kafka {kafka}, Redis {store}, Python {platform.python_version()}",
        f"{tally.rounds} rounds, {tally.faults} faults, {tally.requests} requests",
        f"{tally.excused} repeated calls or deltas, and refusals, around a flush of Redis (not counted)",
        f"{tally.gave_up} workers ended by themselves and were started again",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
