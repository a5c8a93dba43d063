"""The journal as a run sees it: what it waits for, and what is on its way meanwhile."""

import asyncio
from collections.abc import Callable

import pytest

from agents_defs.run_journal import RunLost
from streams.journal import LiveJournal, Patience
from streams.ports import Begun, RunKey, Told
from streams.turns import Departure
from tests.doubles.observed import Observed


class SlowStore:
    """A run store of which each write ends when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Told] = []
        self.written: dict[str, bytes | None] = {}
        self.error: Exception | None = None
        self._gate = asyncio.Event()

    def let_go(self) -> None:
        """From now on writes end at once."""
        self._gate.set()

    async def record(self, _run: RunKey, told: Told, _turns_out: int) -> None:
        self.asked.append(told)
        await self._gate.wait()
        if self.error is not None:
            raise self.error
        self.written.update(told.entries)


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
def journal(store: SlowStore) -> LiveJournal:
    return made(store)


def made(store: SlowStore, opens: int = 0) -> LiveJournal:
    key = RunKey("acme", "r-1", 1, "t-1")
    patience = Patience(Observed(), Departure())
    return LiveJournal(store, key, Begun({}), lambda: 0, patience, opens)  # type: ignore[arg-type]  # one method


async def turns_of_the_loop() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_told_soon_is_sent_at_once_and_nobody_waits(
    journal: LiveJournal, store: SlowStore
) -> None:
    journal.soon({"m:1": b"one"})
    await turns_of_the_loop()

    assert [dict(told.entries) for told in store.asked] == [{"m:1": b"one"}]
    assert journal.entries["m:1"] == b"one"


async def test_what_is_told_in_one_turn_of_the_loop_is_one_write(
    journal: LiveJournal, store: SlowStore
) -> None:
    store.let_go()
    journal.soon({"t:1": b"one"})
    journal.soon({"t:2": b"two", "t:1": None})

    await journal.record({"c:1": b"open"})
    await turns_of_the_loop()

    assert [dict(told.entries) for told in store.asked] == [{"t:1": None, "t:2": b"two", "c:1": b"open"}]


@pytest.mark.parametrize("then", ["record", "settle"])
async def test_what_follows_waits_until_all_is_durable(
    journal: LiveJournal, store: SlowStore, then: str
) -> None:
    journal.soon({"m:1": b"one"})
    await turns_of_the_loop()
    following = asyncio.create_task(
        journal.record({"c:2": b"open"}) if then == "record" else journal.settle()
    )
    await turns_of_the_loop()
    waits = not following.done()
    store.let_go()
    await following

    assert waits
    assert store.written["m:1"] == b"one"


async def test_what_is_told_while_a_write_is_under_way_is_sent_after_it(
    journal: LiveJournal, store: SlowStore
) -> None:
    journal.soon({"t:1": b"one"})
    await turns_of_the_loop()
    journal.soon({"t:2": b"two"})
    store.let_go()
    await turns_of_the_loop()

    assert store.written == {"t:1": b"one", "t:2": b"two"}


@pytest.mark.parametrize("error", [RunLost("later"), OSError("disk")])
@pytest.mark.parametrize("then", [lambda j: j.settle(), lambda j: j.record({"c:2": b"open"})])
async def test_what_became_of_a_write_is_told_to_whoever_comes_next(
    journal: LiveJournal, store: SlowStore, error: Exception, then: Callable[[LiveJournal], object]
) -> None:
    store.error = error
    store.let_go()
    journal.soon({"m:1": b"one"})
    await turns_of_the_loop()

    with pytest.raises(type(error)):
        await then(journal)  # type: ignore[misc]


async def test_an_emptied_store_is_no_reason_to_stop(journal: LiveJournal, store: SlowStore) -> None:
    store.error = RunLost("emptied", emptied=True)
    store.let_go()
    journal.soon({"m:1": b"one"})
    await journal.settle()
    await journal.record({"m:2": b"two"})

    assert journal.severed
    assert len(store.asked) == 1


async def test_a_write_whose_caller_is_cancelled_is_made_by_the_next_one(
    journal: LiveJournal, store: SlowStore
) -> None:
    part = asyncio.create_task(journal.record({"t:1": b"one"}))
    await turns_of_the_loop()
    part.cancel()
    await asyncio.wait([part])
    store.let_go()

    await journal.record({"c:2": b"open"})

    assert store.written == {"t:1": b"one", "c:2": b"open"}


async def test_the_first_write_opens_the_attempt_and_no_other_does(store: SlowStore) -> None:
    store.let_go()
    journal = made(store, opens=3)

    for name in ("c:1", "m:1"):
        await journal.record({name: b"x"})

    assert [told.opens for told in store.asked] == [3, 0]


async def test_an_attempt_of_which_nothing_was_told_is_opened_when_it_is_settled(store: SlowStore) -> None:
    store.let_go()
    journal = made(store, opens=3)

    await journal.settle()

    assert [told.opens for told in store.asked] == [3]


async def test_who_cannot_wait_writes_what_is_left_once(journal: LiveJournal, store: SlowStore) -> None:
    store.let_go()
    journal.soon({"c:1": b"cut"})

    await journal.settle_once()

    assert store.written == {"c:1": b"cut"}
