"""Faust's consumer in the event loop of the pipeline, instead of a thread with a loop of its own.

Two loops share one interpreter: each record and each commit was handed from one to the other and back, and
each time whoever was to take it waited for the other to let go. That took longer than a run takes. What the
thread is for, heartbeats while the loop is held up, is not wanted: a worker that is held up for longer than
its session is to lose its partitions to one that is not.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from faust.transport.drivers import aiokafka as driver
from mode.services import Service
from mode.utils.futures import maybe_async


class OneLoop(driver.AIOKafkaConsumerThread):
    """The consumer's thread, without the thread."""

    _serving: asyncio.Task[None] | None = None

    def __init__(self, consumer: Any, *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(consumer, loop=loop, thread_loop=loop, **options)

    async def start(self) -> None:
        """Connect; returns when it has, or raises what kept it from it."""
        self._thread_started.set()
        self._thread_running = connected = self.parent_loop.create_future()
        self._serving = asyncio.create_task(self._serve(), name="consumer")
        try:
            await connected
        finally:
            self._thread_running = None

    async def stop(self) -> None:
        """Leave the group, and wait until that is done."""
        if self._started.is_set():
            await Service.stop(self)
            if self._serving is not None:
                await asyncio.gather(self._serving, return_exceptions=True)

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """At once: there is nobody to hand it to."""
        return await maybe_async(fun(*args, **options))

    async def _shutdown_thread(self) -> None:
        """Also where it could not even start: whoever stops it waits for this."""
        try:
            await super()._shutdown_thread()
        finally:
            self.set_shutdown()

    async def _gather_remaining_tasks(self) -> None:
        """Faust ends all tasks of the thread's loop here; of this one they are everybody's."""
