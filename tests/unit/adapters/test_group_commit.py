"""Parcels that end together are delivered together, in order, and for whoever still waits for them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import pytest

from app.adapters import group_commit
from app.adapters.group_commit import Delivered, GroupCommit
from streams.flow import Parcel
from streams.observations import BatchPublished, PublishRetried
from streams.ownership import Membership, Ownership
from streams.ports import Shelf
from tests.doubles.hand_clock import HandClock
from tests.doubles.observed import Observed

PARTITIONS = range(10)


class Courier:
    """Delivers to a list; can be held, and fail."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.failures: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.remembered: list[tuple[list[int], dict[Shelf, int]]] = []
        self.memory = asyncio.Event()
        self.memory.set()

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivered:
        self.batches.append([parcel.partition for parcel in parcels])
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        checkpoints = {Shelf("responses", parcel.partition): len(self.batches) for parcel in parcels}
        return Delivered(checkpoints=checkpoints)

    async def remember(self, parcels: Sequence[Parcel], checkpoints: Mapping[Shelf, int]) -> None:
        self.remembered.append((sorted(parcel.partition for parcel in parcels), dict(checkpoints)))
        await self.memory.wait()


class Post:
    """A group commit, its courier, and who waits. Parcels are told apart by their partition."""

    def __init__(self, busy: bool = False, window_s: float = 0.0) -> None:
        self.courier, self.observed, self.ownership = Courier(), Observed(), Ownership()
        self._generation = 0
        self.assign()
        self.commit = GroupCommit(
            self.ownership,
            self.courier,
            HandClock(),
            self.observed,
            window_s,
            lambda: busy,
        )
        self.sent: dict[int, asyncio.Task[int | None]] = {}

    def assign(self, *, lost: Sequence[int] = (), missed: int = 0) -> None:
        """The next assignment; `missed`: so many generations were others' alone."""
        self._generation += 1 + missed
        member = Membership(self._generation, "m-1", None)
        self.ownership.assigned(member, [one for one in PARTITIONS if one not in lost])

    def send(self, *numbers: int) -> None:
        for number in numbers:
            self.sent[number] = asyncio.create_task(self.commit.publish(Parcel(number, ())))

    def durable(self) -> list[int]:
        return [number for number, task in self.sent.items() if task.done() and not task.cancelled()]


@pytest.fixture
async def post(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    monkeypatch.setattr(group_commit, "FIRST_RETRY_S", 0.0001)
    made = Post()
    made.commit.start()
    yield made
    await made.commit.stop()
    for task in made.sent.values():
        task.cancel()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def rest() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def test_a_parcel_alone_is_delivered_at_once(post: Post) -> None:
    post.send(1)

    await until(lambda: post.durable() == [1])

    assert post.courier.batches == [[1]]


async def test_what_arrives_during_a_delivery_goes_with_the_next_one_in_order(post: Post) -> None:
    post.courier.gate.clear()
    post.send(1)
    await until(lambda: post.courier.batches)
    post.send(2, 3, 4)
    await rest()
    assert post.durable() == []

    post.courier.gate.set()
    await until(lambda: len(post.durable()) == 4)

    assert post.courier.batches == [[1], [2, 3, 4]]


async def test_while_others_run_a_parcel_waits_for_company_within_the_window() -> None:
    post = Post(busy=True, window_s=0.2)
    post.commit.start()
    post.send(1)
    await rest()
    post.send(2)

    await until(lambda: len(post.durable()) == 2)

    assert post.courier.batches == [[1, 2]]
    await post.commit.stop()


async def test_a_delivery_that_fails_is_tried_again_with_the_same_parcels(post: Post) -> None:
    post.courier.failures = [ConnectionError("away"), ConnectionError("still away")]
    post.send(1, 2)

    await until(lambda: len(post.durable()) == 2)

    assert post.courier.batches == [[1, 2]] * 3
    assert post.observed.of(PublishRetried)[0] == PublishRetried(2, "ConnectionError: away")
    assert len(post.observed.of(BatchPublished)) == 1


async def test_nobody_s_parcel_overtakes_one_that_is_tried_again(post: Post) -> None:
    post.courier.failures = [ConnectionError("away")] * 3
    post.send(1)
    await until(lambda: post.courier.batches)
    post.send(2)

    await until(lambda: len(post.durable()) == 2)

    assert post.courier.batches == [[1]] * 4 + [[2]]


async def test_a_parcel_that_nobody_waits_for_any_more_is_not_delivered(post: Post) -> None:
    post.ownership.revoked()
    post.send(1, 2, 3)
    await rest()

    post.sent[2].cancel()
    post.assign()
    await until(lambda: post.durable() == [1, 3])

    assert post.courier.batches == [[1, 3]]


async def test_a_parcel_that_is_given_up_while_it_is_tried_again_is_left_out(post: Post) -> None:
    post.courier.gate.clear()
    post.courier.failures = [ConnectionError("away")]
    post.send(1, 2)
    await until(lambda: post.courier.batches)

    post.sent[1].cancel()
    post.courier.gate.set()
    await until(lambda: post.durable() == [2])

    assert post.courier.batches == [[1, 2], [2]]


async def test_when_all_are_given_up_nothing_is_delivered_and_the_next_ones_are(post: Post) -> None:
    post.ownership.revoked()
    post.send(1, 2)
    await rest()
    post.sent[1].cancel()
    post.sent[2].cancel()
    await rest()

    post.assign()
    post.send(3)
    await until(lambda: post.durable() == [3])

    assert post.courier.batches == [[3]]


async def test_what_was_lost_is_neither_delivered_nor_said_to_be_durable(post: Post) -> None:
    post.ownership.revoked()
    post.send(1, 2, 3)
    await rest()

    post.assign(lost=[2])
    await until(lambda: post.durable() == [1, 3])
    await rest()

    assert post.courier.batches == [[1, 3]]


async def test_what_was_lost_and_came_back_is_another_tenure_s_business(post: Post) -> None:
    post.courier.gate.clear()
    post.courier.failures = [ConnectionError("fenced: it was frozen")]
    post.send(1, 2)
    await until(lambda: post.courier.batches)

    post.assign(missed=1)
    post.courier.gate.set()
    post.send(3)
    await until(lambda: post.durable() == [3])

    assert post.courier.batches == [[1, 2], [3]]


async def test_what_is_handed_over_for_a_partition_that_is_not_ours_is_not_delivered(post: Post) -> None:
    post.assign(lost=[2])
    post.send(2, 3)
    await until(lambda: post.durable() == [3])

    post.assign()
    await rest()

    assert post.courier.batches == [[3]]


async def test_who_gives_up_during_the_delivery_hurts_nobody(post: Post) -> None:
    post.courier.gate.clear()
    post.send(1, 2)
    await until(lambda: post.courier.batches)

    post.sent[1].cancel()
    await rest()
    post.courier.gate.set()

    await until(lambda: post.durable() == [2])


async def test_a_batch_has_its_largest_size(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MOST_TOGETHER", 3)

    post.send(*range(7))
    await until(lambda: len(post.durable()) == 7)

    assert post.courier.batches == [[0, 1, 2], [3, 4, 5], [6]]


async def test_a_stopped_commit_acknowledges_nothing(post: Post) -> None:
    post.courier.gate.clear()
    post.send(1)
    await until(lambda: post.courier.batches)

    await post.commit.stop()

    assert post.durable() == []


# -- what is durable is remembered


async def test_nobody_is_told_before_it_is_remembered(post: Post) -> None:
    post.courier.memory.clear()
    post.send(1)
    await until(lambda: post.courier.remembered)
    told = post.durable()

    post.courier.memory.set()
    await until(lambda: post.durable() == [1])

    assert told == []


async def test_the_next_batch_goes_out_while_the_last_is_being_remembered(post: Post) -> None:
    post.courier.memory.clear()
    for number in (1, 2, 3):
        post.send(number)
        await until(lambda: len(post.courier.batches) == number)  # noqa: B023  it is asked in this round only

    post.courier.memory.set()
    await until(lambda: post.durable() == [1, 2, 3])

    # Those that came meanwhile are remembered together, and never before those that were durable first.
    assert [parcels for parcels, _ in post.courier.remembered] == [[1], [2, 3]]
    assert post.courier.remembered[1][1] == {Shelf("responses", 2): 2, Shelf("responses", 3): 3}


async def test_with_a_window_the_next_batch_waits_until_the_last_is_remembered() -> None:
    post = Post(window_s=1.0)
    post.courier.memory.clear()
    post.commit.start()
    post.send(1)
    await until(lambda: post.courier.remembered)
    post.send(2, 3)
    await asyncio.sleep(0)
    sent = list(post.courier.batches)

    post.courier.memory.set()
    await until(lambda: post.durable() == [1, 2, 3])
    await post.commit.stop()

    assert sent == [[1]]
    assert post.courier.batches == [[1], [2, 3]]
