"""A small TCP proxy whose connections can be slowed down, stalled and cut."""

import asyncio
from collections import deque
from typing import Final

HOST = "127.0.0.1"


class Weather:
    """What all connections of a proxy suffer from."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.stalled = False


class End(asyncio.Protocol):
    """One end of a connection: what comes in here goes out at the other end, when the weather allows."""

    def __init__(self, weather: Weather) -> None:
        self._weather: Final = weather
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport | None = None
        self.other: End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.other is not None:
            self.other.pass_on()

    def data_received(self, data: bytes) -> None:
        """Queue it: the order is kept, however the delay changes."""
        due = asyncio.get_running_loop().time() + self._weather.delay_s
        earliest = self._waiting[-1][0] if self._waiting else 0.0
        self._waiting.append((max(due, earliest), data))
        self.pass_on()

    def pass_on(self) -> None:
        """Write what is due to the other end."""
        out = self.other.transport if self.other is not None else None
        if out is None or self._weather.stalled or self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        while self._waiting and self._waiting[0][0] <= loop.time():
            out.write(self._waiting.popleft()[1])
        if self._waiting:
            self._timer = loop.call_at(self._waiting[0][0], self._due)

    def _due(self) -> None:
        self._timer = None
        self.pass_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """What ends here ends there."""
        self.cut()

    def cut(self) -> None:
        """End both ends at once; what waits is lost."""
        if self._timer is not None:
            self._timer.cancel()
        for end in (self, self.other):
            if end is not None and end.transport is not None:
                end.transport.abort()


class Proxy:
    """Listens on a port of its own for one target."""

    def __init__(self) -> None:
        self.weather: Final = Weather()
        self.port = 0
        self._target: tuple[str, int] = ("", 0)
        self._server: asyncio.Server | None = None
        self._ends: set[End] = set()
        self._dialling: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Listen; returns the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, HOST, port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    def aim(self, port: int) -> None:
        """Where connections go from now on."""
        self._target = (HOST, port)

    async def stop(self) -> None:
        """End all of it."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def delay(self, seconds: float) -> None:
        """Add so much to each way."""
        self.weather.delay_s = seconds

    def stall(self, stalled: bool) -> None:
        """Nothing gets through meanwhile, and nothing is lost."""
        self.weather.stalled = stalled
        for end in list(self._ends):
            end.pass_on()

    def cut(self) -> None:
        """Reset every connection."""
        for end in list(self._ends):
            end.cut()
        self._ends.clear()

    def _accept(self) -> End:
        near, far = End(self.weather), End(self.weather)
        near.other, far.other = far, near
        self._ends = {end for end in self._ends if end.transport is None or not end.transport.is_closing()}
        self._ends |= {near, far}
        task = asyncio.get_running_loop().create_task(self._dial(near, far))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        return near

    async def _dial(self, near: End, far: End) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, *self._target)
        except OSError:
            near.cut()  # the target is down, and says so
