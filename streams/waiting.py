"""Waiting: what a worker keeps in memory of one parked request."""

from dataclasses import dataclass
from hashlib import sha256

from schemas.requests import Priority
from streams.flow import Problem
from streams.parked import ParkedPlace, ParkReason

Identity = tuple[str, str]
Lane = tuple[str, str]


@dataclass(slots=True, eq=False)
class Waiting:
    """One parked request: not its body, which stays on the topic."""

    identity: Identity
    sha256: str
    place: ParkedPlace
    reason: ParkReason
    order: int
    lane: Lane | None  # of the session that it holds or waits in
    generation: int
    approvals: tuple[str, ...] = ()  # ids of the tool calls that wait for people
    asked: tuple[tuple[str, str], ...] = ()  # ids and sha256 of the requests that it waits for
    started: bool = False  # a run of it was started: nobody of its session goes before it
    ending: Problem | None = None  # it goes on only to end
    token: str | None = None  # of its claim, where this worker admitted it and started no run
    live: bool = False  # it is in the pipeline again
    since: float = 0.0  # when it came
    priority: Priority = Priority.STANDARD

    def asks(self, request_id: str, value: bytes | None) -> bool:
        """Whether it waits for just this request: another one may have come under the id."""
        written = dict(self.asked).get(request_id)
        return written is not None and written in {"", sha256(value or b"").hexdigest()}
