"""Scripts in Redis: what is called in one tick of the event loop goes there in one pipeline."""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Final

import redis.asyncio as redis
from redis.exceptions import NoScriptError, RedisError

from app.adapters.redis_lines import Argument, Command, RedisLines
from streams.ports import StoreUnavailable

MOST_TOGETHER: Final = 32  # bounds how long one command holds Redis
MOST_IN_FLIGHT: Final = 4  # pipelines; what is called meanwhile goes with the next
FOLDER: Final = "redis_scripts"


@dataclass(frozen=True, slots=True)
class Script:
    """A script; calls of one that can be joined are one command, which returns a list of their replies."""

    source: str
    joined: bool = False
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.source.encode(), usedforsecurity=False)  # Redis' own name of a script
        object.__setattr__(self, "sha", digest.hexdigest())


def script(*names: str, joined: bool = False) -> Script:
    """The files of these names, one after the other."""
    folder = resources.files("app.adapters") / FOLDER
    return Script("\n".join((folder / f"{name}.lua").read_text("utf-8") for name in names), joined)


@dataclass(slots=True)
class _Call:
    script: Script
    keys: Sequence[str]
    args: Sequence[Argument]
    reply: "asyncio.Future[Any]"


class RedisBatch:
    """One worker's calls of scripts."""

    def __init__(self, client: "redis.Redis", lines: RedisLines | None = None) -> None:
        self.client = client
        self.lines = lines or RedisLines(client)
        self._waiting: list[_Call] = []
        self._flights: set[asyncio.Task[None]] = set()
        self._due = False

    async def call(self, called: Script, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """What the script returns. Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Call(called, keys, args, reply))
        if not self._due and len(self._flights) < MOST_IN_FLIGHT:
            self._due = True
            loop.call_soon(self._take_off)
        return await reply

    def _take_off(self) -> None:
        self._due = False
        calls = [call for call in self._waiting if not call.reply.done()]  # done: who called gave up
        self._waiting = []
        if calls:
            flight = asyncio.get_running_loop().create_task(self._fly(calls))
            self._flights.add(flight)
            flight.add_done_callback(self._landed)

    def _landed(self, flight: "asyncio.Task[None]") -> None:
        self._flights.discard(flight)
        if self._waiting and not self._due:
            self._take_off()

    async def _fly(self, calls: Sequence[_Call]) -> None:
        groups = list(_grouped(calls))
        try:
            replies = await self._send(groups)
        except (RedisError, OSError) as error:
            replies = [error] * len(groups)
        except BaseException as error:  # the loop ends, or a mistake of ours: nobody is left waiting
            for group in groups:
                _deliver(group, error)
            raise
        for group, reply in zip(groups, replies, strict=True):
            _deliver(group, reply)

    async def _send(self, groups: Sequence[Sequence[_Call]]) -> list[Any]:
        known = [("EVALSHA", group[0].script.sha, *_rest(group)) for group in groups]
        replies = await self.lines.exchange(known)
        unknown = [number for number, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:  # the first time, or Redis was restarted
            again = [("EVAL", groups[number][0].script.source, *_rest(groups[number])) for number in unknown]
            for number, reply in zip(unknown, await self.lines.exchange(again), strict=True):
                replies[number] = reply
        return replies


def _grouped(calls: Sequence[_Call]) -> Iterable[list[_Call]]:
    """The calls of each command, in the order of the first of them."""
    open_groups: dict[str, list[_Call]] = {}
    for call in calls:
        if not call.script.joined:
            yield [call]
            continue
        group = open_groups.setdefault(call.script.sha, [])
        group.append(call)
        if len(group) == MOST_TOGETHER:
            yield open_groups.pop(call.script.sha)
    yield from open_groups.values()


def _rest(group: Sequence[_Call]) -> Command:
    """A command's arguments behind the script."""
    keys = [key for call in group for key in call.keys]
    return (len(keys), *keys, *(argument for call in group for argument in call.args))


def _deliver(group: Sequence[_Call], reply: Any) -> None:
    failed = isinstance(reply, BaseException)
    for number, call in enumerate(group):
        if call.reply.done():
            continue
        if failed:
            error = StoreUnavailable(f"{type(reply).__name__}: {reply}")
            error.__cause__ = reply
            call.reply.set_exception(error)
        else:
            call.reply.set_result(reply[number] if call.script.joined else reply)
