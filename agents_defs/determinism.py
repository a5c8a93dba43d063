"""Time and chance for tools, guardrails and instructions: a replay sees what the first attempt saw."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from random import Random
from typing import Any

from agents_defs.journal_entries import MOMENT, moment_bytes, moment_of
from agents_defs.recovery import calendar
from agents_defs.run_scope import SCOPE


async def now(_context: Any = None) -> datetime:
    """The time, in UTC: of the first attempt, at this place of the run."""
    scope = SCOPE.get()
    if scope is None:  # outside of any run: somebody tries an agent out
        return calendar()
    name = f"{MOMENT}{scope.path}n{scope.count('n')}"
    raw = scope.run.record.read(name)
    if raw is not None:
        return moment_of(raw)
    moment = scope.run.recovery.at()
    await scope.run.record.write({name: moment_bytes(moment)})
    return moment


def randomness(_context: Any = None) -> Random:
    """A generator whose numbers are the same in each attempt, at this place of the run. Not for secrets."""
    scope = SCOPE.get()
    if scope is None:
        return Random()  # noqa: S311  as above: nobody replays it
    place = f"{scope.run.order.run_id}/{scope.path}r{scope.count('r')}"
    seed = sha256(place.encode("utf-8", "surrogatepass")).digest()
    return Random(seed)  # noqa: S311  it must be the same again
