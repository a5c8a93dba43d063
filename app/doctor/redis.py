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
        return warn(
            check,
            "append-only file off: a restart forgets what runs had recorded, and they pay their calls again",
            "set appendonly yes and appendfsync everysec (or always)",
        )
    if fsync is None:
        return warn(check, "append-only file on, its fsync is not told", "look that it is not `no`")
    if fsync == "no":
        return warn(
            check,
            "append-only file on, but written when the system likes (appendfsync no)",
            "set appendfsync everysec (or always)",
        )
    loses = "loses nothing" if fsync == "always" else "may lose its last second"
    return ok(check, f"append-only file, fsync {fsync}: a crash of its machine {loses}")


def memory(info: Info) -> Finding:
    """Whether Redis may throw away claims and limits to make room."""
    policy, most = str(info.get("maxmemory_policy", "noeviction")), int(info.get("maxmemory", 0))
    if most and policy != "noeviction":
        advice = "set maxmemory-policy noeviction: an id that is thrown away would be run again"
        return fail("redis memory", f"{_bounds(most)}, then {policy} throws away claims and limits", advice)
    return ok("redis memory", f"{_bounds(most)}, {policy}")


def _bounds(most: int) -> str:
    return f"at most {most // 1024**2} MiB" if most else "unbounded"
