"""Connections to Redis that batches keep: the client's own pipelines cost more than most of them carry."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, cast

import redis.asyncio as redis
from hiredis import pack_command
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

TIMEOUT_S: Final = 5.0

Argument = str | bytes | int
Command = tuple[Argument, ...]
Line = Any  # a connection of the client's, whose types are half untold


class RedisLines:
    """As many as are in use at once. They are of the client's pool, which closes them in the end."""

    def __init__(self, client: "redis.Redis") -> None:
        self._pool: Final[Any] = client.connection_pool
        self._idle: list[Line] = []

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """A reply, or the error that it is, for each command."""
        packed = [pack_command(cast(Any, command)) for command in commands]
        line = self._idle.pop() if self._idle else await self._another()
        try:
            was_open = line.is_connected
            try:
                return await _ask(line, packed)
            except RedisConnectionError:
                if not was_open:
                    raise
                return await _ask(line, packed)  # Redis had closed it while it was idle
        finally:
            self._idle.append(line)

    async def _another(self) -> Line:
        line = await self._pool.get_connection()
        line.socket_timeout = None  # one timeout for the whole exchange, not one a reply
        return line


async def _ask(line: Line, packed: list[bytes]) -> list[Any]:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            if not line.is_connected:
                await line.connect()
            await line.send_packed_command(packed, check_health=False)
            return [await _reply(line) for _ in packed]
    except BaseException:  # replies may be on their way: nobody else must read them
        await line.disconnect(nowait=True)
        raise


async def _reply(line: Line) -> Any:
    try:
        return await line.read_response()
    except ResponseError as error:
        return error
