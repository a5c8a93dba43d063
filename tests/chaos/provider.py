"""The provider of the crash matrix: the simulator behind a door that can answer 429 or hang up."""

import asyncio
from pathlib import Path
from typing import Final

from app.simulator.options import SimulatorOptions
from app.simulator.server import RunningSimulator, start
from tests.chaos.proxy import HOST, Proxy

REFUSAL = b'{"error":{"message":"slow down","type":"rate_limit","code":"rate_limit_exceeded"}}'
ANSWER = (
    b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after-ms: 300\r\n"
    b"connection: close\r\ncontent-length: " + str(len(REFUSAL)).encode() + b"\r\n\r\n" + REFUSAL
)


class Provider:
    """The simulator, a proxy in front of it, and a server that refuses everything to aim it at instead."""

    def __init__(self, ledger: Path) -> None:
        self._ledger: Final = ledger
        self.proxy: Final = Proxy()
        self._simulator: RunningSimulator | None = None
        self._refusing: asyncio.Server | None = None

    async def start(self) -> None:
        """Serve."""
        self._simulator = await start(SimulatorOptions(ledger=self._ledger))
        self._refusing = await asyncio.start_server(refuse, HOST, 0)
        await self.proxy.start()
        self.proxy.aim(self._simulator.port)

    @property
    def base_url(self) -> str:
        """Where workers reach it."""
        return f"http://{HOST}:{self.proxy.port}/v1"

    @property
    def in_flight(self) -> int:
        """Calls that are being answered."""
        assert self._simulator is not None
        return self._simulator.in_flight

    def storm(self, on: bool) -> None:
        """Every call is answered 429: those in flight are cut off, for they share the connections."""
        assert self._simulator is not None
        assert self._refusing is not None
        port = self._refusing.sockets[0].getsockname()[1] if on else self._simulator.port
        self.proxy.aim(port)
        self.proxy.cut()

    def hang_up(self) -> None:
        """Every call in flight loses its connection."""
        self.proxy.cut()

    async def stop(self) -> None:
        """End it."""
        await self.proxy.stop()
        if self._refusing is not None:
            self._refusing.close()
        if self._simulator is not None:
            await self._simulator.stop()


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read one whole request, answer 429, close."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name == b"content-length":
                await reader.readexactly(int(value))
        writer.write(ANSWER)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
