"""Child processes that are renewed start again at once; what dies waits."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from app.supervisor import Program, Supervisor


class Child:
    """A process that ends when it is told to."""

    def __init__(self, deaf: bool = False) -> None:
        self.returncode: int | None = None
        self._over = asyncio.Event()
        self._deaf = deaf

    def terminate(self) -> None:
        if not self._deaf:
            self.end(0)

    def kill(self) -> None:
        self.end(-9)

    def end(self, code: int) -> None:
        self.returncode = code
        self._over.set()

    async def wait(self) -> int:
        await self._over.wait()
        return self.returncode or 0


class Nursery:
    """Makes children instead of processes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, deaf: bool = False) -> None:
        self.born: list[Child] = []
        self._deaf = deaf
        monkeypatch.setattr(asyncio, "create_subprocess_exec", self._make)

    async def _make(self, *_words: str, **_named: object) -> Child:
        self.born.append(Child(self._deaf))
        return self.born[-1]

    async def has(self, number: int) -> None:
        async with asyncio.timeout(5):
            while len(self.born) < number:
                await asyncio.sleep(0)


@pytest.fixture(name="nursery")
def made_children(monkeypatch: pytest.MonkeyPatch) -> Nursery:
    return Nursery(monkeypatch)


async def test_a_renewed_child_starts_again_at_once(nursery: Nursery) -> None:
    supervisor = Supervisor([Program("worker", []), Program("books", [])], 1.0)
    supervisor.start()
    await nursery.has(2)

    with capture_logs() as logs:
        await supervisor.renew(["worker"])
        await nursery.has(3)

    assert [child.returncode for child in nursery.born] == [0, None, None]
    assert logs == [], "a renewed child is told as one that died"
    await supervisor.stop()


async def test_a_child_that_waits_after_a_crash_is_woken(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.supervisor.FIRST_BACKOFF_S", 3600.0)
    supervisor = Supervisor([Program("worker", [])], 1.0)
    supervisor.start()
    await nursery.has(1)
    nursery.born[0].end(1)
    for _ in range(10):
        await asyncio.sleep(0)

    await supervisor.renew(["worker"])
    await nursery.has(2)

    assert len(nursery.born) == 2
    await supervisor.stop()


async def test_a_child_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.supervisor.GRACE_S", 0.0)
    nursery = Nursery(monkeypatch, deaf=True)
    supervisor = Supervisor([Program("worker", [])], 0.0)
    supervisor.start()
    await nursery.has(1)

    await supervisor.renew(["worker"])
    await nursery.has(2)

    assert nursery.born[0].returncode == -9
    await supervisor.stop()
