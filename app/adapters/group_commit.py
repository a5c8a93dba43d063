"""Publishes together what ends together: parcels collect while the last batch is under way."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from streams.flow import Parcel
from streams.observations import BatchPublished, Observer, PublishRetried
from streams.ownership import Ownership, Tenure
from streams.ports import Clock, Shelf

FIRST_RETRY_S = 0.05
LONGEST_RETRY_S = 2.0
MOST_TOGETHER = 512


@dataclass(slots=True, eq=False)
class Waiting:
    """A parcel, who waits for it, and as whose owner it was handed over."""

    parcel: Parcel
    future: asyncio.Future[int | None]
    since: float
    tenure: Tenure | None

    @property
    def stands(self) -> bool:
        """Whether it is still to be delivered.

        A later tenure of the same partition is not enough: another worker may have gone on in between, and
        what this one knew before that is not so any more.
        """
        return self.tenure is not None and not self.tenure.over and not self.future.done()


@dataclass(frozen=True, slots=True)
class Delivered:
    """What is to be told and remembered of parcels that are durable."""

    offsets: Mapping[int, int] = field(default_factory=dict)  # of those that are to know one, by their id()
    checkpoints: Mapping[Shelf, int] = field(default_factory=dict)


class Courier(Protocol):
    """What a group commit delivers by."""

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivered:
        """What it is handed is durable when it returns."""
        ...

    async def remember(self, parcels: Sequence[Parcel], checkpoints: Mapping[Shelf, int]) -> None:
        """These are durable."""
        ...


class GroupCommit:
    """Collects parcels, delivers them in order in batches, tells each sender when its own is durable.

    `deliver` may raise, and is then asked again with the same ones: order is kept and nothing is dropped but
    what nobody waits for any more, and what belongs to partitions that were lost since it was handed over.
    What is durable is remembered, without a window beside the next batch; then its senders are told.
    """

    def __init__(
        self,
        ownership: Ownership,
        courier: Courier,
        clock: Clock,
        observer: Observer,
        window_s: float = 0.0,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ownership: Final = ownership
        self._courier: Final = courier
        self._clock: Final = clock
        self._observer: Final = observer
        self._window_s: Final = window_s
        self._busy: Final = busy
        self._waiting: list[Waiting] = []
        self._arrived = asyncio.Event()
        self._durable: list[tuple[list[Waiting], Delivered]] = []
        self._to_remember = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Begin to deliver; the task never ends by itself."""
        self._task = asyncio.create_task(self._both())
        return self._task

    async def stop(self) -> None:
        """Stop; what is not delivered is not acknowledged either."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def publish(self, parcel: Parcel) -> int | None:
        """Return when the parcel is durable: the offset that was told of it, if any."""
        future: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        tenure = self._ownership.tenure(parcel.partition)
        self._waiting.append(Waiting(parcel, future, self._clock.now(), tenure))
        self._arrived.set()
        return await future

    async def _both(self) -> None:
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._loop())
            loops.create_task(self._remember())

    async def _loop(self) -> None:
        while True:
            await self._arrived.wait()
            await self._linger()
            batch, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            if not self._waiting:
                self._arrived.clear()
            await self._persist(batch)

    async def _linger(self) -> None:
        """Wait for company, unless the first has waited long enough or nobody else is on the way."""
        left_s = self._waiting[0].since + self._window_s - self._clock.now()
        if left_s > 0 and len(self._waiting) < MOST_TOGETHER and self._busy():
            await asyncio.sleep(left_s)

    async def _persist(self, batch: list[Waiting]) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            await self._ownership.settled()
            # Now, without a pause until the delivery begins: what it begins with is ours.
            batch = [waiting for waiting in batch if waiting.stands]
            if not batch:
                return
            started = self._clock.now()
            try:
                delivered = await self._courier.deliver([waiting.parcel for waiting in batch])
            except Exception as error:  # noqa: BLE001  whatever failed, the same parcels are tried again
                self._observer.observe(PublishRetried(len(batch), f"{type(error).__name__}: {error}"))
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)
                continue
            seconds = self._clock.now() - started
            records = sum(len(waiting.parcel.emissions) for waiting in batch)
            self._observer.observe(BatchPublished(len(batch), records, seconds))
            self._durable.append((batch, delivered))
            if self._window_s > 0:  # who waits for company has it: larger batches cost less
                await self._remember_durable()
            else:
                self._to_remember.set()
            return

    async def _remember(self) -> None:
        while True:
            await self._to_remember.wait()
            self._to_remember.clear()
            await self._remember_durable()

    async def _remember_durable(self) -> None:
        """One after the other: a checkpoint says that all before it is remembered, too."""
        durable, self._durable = self._durable, []
        parcels = [waiting.parcel for batch, _ in durable for waiting in batch]
        checkpoints: dict[Shelf, int] = {}
        for _, delivered in durable:
            checkpoints |= delivered.checkpoints
        await self._courier.remember(parcels, checkpoints)
        for batch, delivered in durable:
            _tell(batch, delivered.offsets)


def _tell(batch: Sequence[Waiting], offsets: Mapping[int, int]) -> None:
    for waiting in batch:
        if not waiting.future.done():
            waiting.future.set_result(offsets.get(id(waiting.parcel)))
