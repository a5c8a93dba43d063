"""Looks at Redis: who answers, what it keeps over a restart, whether it may forget, its clock."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import redis.asyncio as redis
from redis.exceptions import RedisError, ResponseError

from app.adapters.clock import SystemClock
from app.doctor import clock
from app.doctor.clock import Reading
from app.doctor.finding import Finding, fail, ok, warn
from app.startup import PATIENCE_S, CannotStart, check_redis

OLDEST = (6, 2)  # the oldest that is tested
MIB = 1024**2
NEARLY_FULL = 0.8
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Info = Mapping[str, Any]


async def examine(client: "redis.Redis", url: str) -> list[Finding]:
    """Everything about Redis; where nobody answers only that."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await check_redis(client, url)
            info: Info = await client.info()
            fsync = await _config(client, "appendfsync")
            before = SystemClock.at()
            seconds, microseconds = await client.time()
            told = EPOCH + timedelta(seconds=int(seconds), microseconds=int(microseconds))
            reading = Reading(before, told, SystemClock.at())
    except CannotStart as error:
        found, _, advice = str(error).rpartition(": ")
        return [fail("redis", found, advice)]
    except ResponseError as error:
        advice = "allow INFO, TIME and CONFIG GET to look closer"
        return [warn("redis", f"takes writes, but tells nothing about itself ({error})", advice)]
    except (RedisError, OSError, TimeoutError) as error:
        return [fail("redis", f"stopped answering ({type(error).__name__})", "see its log")]
    return [server(info), persistence(info, fsync), memory(info), clock.judge("redis clock", reading)]


async def _config(client: "redis.Redis", name: str) -> str | None:
    """None where a managed Redis does not let us ask."""
    try:
        answer = await client.config_get(name)
    except RedisError:
        return None
    value = answer.get(name)
    return None if value is None else str(value)


def server(info: Info) -> Finding:
    """Its version."""
    version = str(info.get("redis_version", "unknown"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return fail("redis", f"version {version}", f"use {oldest} or newer")
    return ok("redis", f"version {version}, takes writes")


def persistence(info: Info, fsync: str | None) -> Finding:
    """What a restart of Redis forgets: never an outcome, but maybe work that was paid."""
    check = "redis persistence"
    if not int(info.get("aof_enabled", 0)):
        since = f" ({_unsaved(info)})" if "rdb_changes_since_last_save" in info else ""
        return warn(
            check,
            f"append-only file off: a restart forgets what runs had recorded{since}, and they pay their "
            "calls again",
            "set appendonly yes and appendfsync everysec (or always)",
        )
    if (status := str(info.get("aof_last_write_status", "ok"))) != "ok":
        advice = "look at its disk and its log: it takes no writes until it can, and admission waits"
        return fail(check, f"append-only file on, but its last write failed ({status})", advice)
    if fsync is None:
        return warn(check, "append-only file on, its fsync is not told", "look that it is not `no`")
    if fsync == "no":
        return warn(
            check,
            "append-only file on, but written when the system likes (appendfsync no)",
            "set appendfsync everysec (or always)",
        )
    loses = "loses nothing" if fsync == "always" else "may lose its last second"
    late = int(info.get("aof_delayed_fsync", 0))
    told = f"; its disk was late {late} times" if late else ""
    return ok(check, f"append-only file, fsync {fsync}: a crash of its machine {loses}{told}")


def _unsaved(info: Info) -> str:
    changes = int(info["rdb_changes_since_last_save"])
    return f"{changes} {'change' if changes == 1 else 'changes'} since its last snapshot"


def memory(info: Info) -> Finding:
    """Whether Redis may throw away claims and limits to make room, and how much is left."""
    check, most, used = "redis memory", int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    policy, bounds = info.get("maxmemory_policy"), _bounds(most, used)
    advice = "set maxmemory-policy noeviction: an id that is thrown away would be run again"
    if policy is None:
        return warn(check, f"{bounds}; what it throws away when it is full is not told", advice)
    if policy != "noeviction":
        if most:
            return fail(check, f"{bounds}; when that is full, {policy} throws away claims and limits", advice)
        return warn(check, f"{bounds}; given a limit, {policy} would throw away claims and limits", advice)
    if most and used > NEARLY_FULL * most:
        room = "raise maxmemory: when it is full it takes no writes, and admission waits"
        return warn(check, f"{bounds}, noeviction", room)
    return ok(check, f"{bounds}, noeviction")


def _bounds(most: int, used: int) -> str:
    return f"{used // MIB} MiB used, " + (f"at most {most // MIB} MiB" if most else "unbounded")
