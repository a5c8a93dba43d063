"""Which functions say something else each time they are called, and what to take instead of each."""

from __future__ import annotations

import os
import platform
import random
import socket
import time
import uuid
from datetime import date
from typing import Any

CLOCK = "take `await now(ctx)` of agents_defs.determinism"
CHANCE = "take `randomness(ctx)` of agents_defs.determinism"
NAMES = "take `UUID(int=randomness(ctx).getrandbits(128), version=4)`, randomness of agents_defs.determinism"
SECRET = "make it in a tool, whose result is recorded"  # noqa: S105  an advice
WORKER = "another worker has another one: leave it out, or take it in a tool"
HASH = "it differs from process to process: take hashlib"

_TIMES = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time")
_OF_NOW = {"localtime": 0, "gmtime": 0, "ctime": 0, "asctime": 0, "strftime": 1}
"""Functions of `time` that tell of now where they are given no more arguments than these."""
_ADVICE: dict[Any, str] = {
    **{getattr(time, name): CLOCK for name in _TIMES},
    uuid.uuid1: NAMES,
    uuid.uuid4: NAMES,
    os.urandom: SECRET,
    os.getpid: WORKER,
    socket.gethostname: WORKER,
    platform.node: WORKER,
    hash: HASH,
    id: HASH,
    random.SystemRandom: CHANCE,
}
_MODULE_RANDOM = getattr(random, "_inst")  # noqa: B009  the generator behind random.random(), which has no public name


def advice(found: Any, arguments: int | None = None) -> str | None:
    """What to take instead of this function; None where it says the same each time.

    `arguments`: how many it is called with; None where it is only named.
    """
    name, owner = getattr(found, "__name__", ""), getattr(found, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, date) and name in {"now", "utcnow", "today"}:
        return CLOCK
    if owner is _MODULE_RANDOM or _module(found).startswith("numpy.random"):
        return CHANCE
    if _module(found) == "secrets" and callable(found):
        return SECRET
    if found is random.Random:
        return CHANCE if arguments == 0 else None
    if _module(found) == "time" and name in _OF_NOW:
        return CLOCK if arguments is not None and arguments <= _OF_NOW[name] else None
    return _listed(found)


def name_of(found: Any) -> str:
    """As one writes it."""
    owner = getattr(found, "__self__", None)
    name = getattr(found, "__qualname__", None) or getattr(found, "__name__", repr(found))
    if isinstance(owner, type):
        return f"{owner.__name__}.{getattr(found, '__name__', name)}()"
    if owner is _MODULE_RANDOM:
        return f"random.{found.__name__}()"
    module = {"posix": "os", "_socket": "socket"}.get(_module(found), _module(found))
    return f"{name}()" if module in {"", "builtins"} else f"{module}.{name}()"


def _listed(found: Any) -> str | None:
    try:
        return _ADVICE.get(found)
    except TypeError:  # it cannot be looked up, so it is none of these
        return None


def _module(found: Any) -> str:
    return str(getattr(found, "__module__", None) or "")
