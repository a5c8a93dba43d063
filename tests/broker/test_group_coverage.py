"""A group in which nobody owns anything is told from one in which somebody does."""

from app import provision
from app.adapters.group_coverage import GroupCoverage
from streams.options import KafkaOptions
from tests.broker.crew import Crew, until
from tests.broker.group_member import GroupMember


async def test_a_group_with_an_owner_is_covered(deployment: KafkaOptions) -> None:
    await provision.create(deployment)

    async with GroupMember(deployment):
        assert not await GroupCoverage(deployment).nobody_owns_anything()


async def test_a_group_without_members_is_not_uncovered(deployment: KafkaOptions) -> None:
    assert not await GroupCoverage(deployment).nobody_owns_anything()


async def test_a_worker_that_was_given_nothing_because_the_topic_was_not_known_joins_again(
    crew: Crew,
) -> None:
    worker = crew.start("knows_no_partitions_at_first")

    await until(lambda: len(worker.lines("partitions assigned")) > 1, 40, lambda: worker.log[-2000:])

    first, *_, last = worker.lines("partitions assigned")
    assert first["partitions"] == []
    assert last["partitions"] == [0, 1, 2, 3]
