"""A deployment that tests fill by hand, for the operators' commands: requests that wait, dead letters."""

from datetime import timedelta
from typing import Any

import orjson

from app.adapters.clock import SystemClock
from schemas.codec import encode
from schemas.dead_letters import DeadLetter, DeadLetterSource, dead_letter_id
from schemas.failures import Code
from schemas.partitions import partition_for
from streams.parked import Parked, encode_parked, parked_key
from streams.topics import DEADLETTER, PARKED, REQUESTS
from tests.broker.stand_in_desk import write
from tests.broker.stand_in_worker import PARTITIONS, StandIn
from tests.doubles.operated import approval, letter, parked

PLACE = partition_for(b"acme", PARTITIONS)
ANN = ("--actor", "ann@desk")


def asking(request_id: str, *approval_ids: str, **changes: Any) -> Parked:
    """A request that waits for decisions, for another hour."""
    expires = SystemClock.at() + timedelta(hours=1)
    asked = tuple(approval(one, expires_at=expires) for one in approval_ids)
    return parked(request_id, approvals=asked, received_at=SystemClock.at(), **changes)


async def park(stand_in: StandIn, *those: Parked) -> None:
    """Write their records."""
    await write(
        stand_in,
        PARKED,
        [
            (
                parked_key(one.tenant_id, one.request_id),
                encode_parked(one),
                partition_for(one.tenant_id.encode(), PARTITIONS),
            )
            for one in those
        ],
    )


async def unpark(stand_in: StandIn, one: Parked) -> None:
    """Write its tombstone."""
    await write(stand_in, PARKED, [(parked_key(one.tenant_id, one.request_id), None, PLACE)])


def of_deployment(
    stand_in: StandIn, offset: int, code: Code = Code.TOOL_FAILED, **changes: Any
) -> DeadLetter:
    """A dead letter of a record on this deployment's topic of requests."""
    topic = stand_in.name(REQUESTS)
    source = DeadLetterSource(topic=topic, partition=PLACE, offset=offset)
    own = {"dead_letter_id": dead_letter_id(topic, PLACE, offset), "source": source}
    return letter(offset, code, **(own | changes))


async def bury(stand_in: StandIn, *letters: DeadLetter, key: bytes | None = b"acme") -> None:
    """Write their records."""
    await write(stand_in, DEADLETTER, [(key, encode(one), PLACE) for one in letters])


def lines(text: str) -> list[dict[str, Any]]:
    """Of JSON."""
    return [orjson.loads(line) for line in text.splitlines()]
