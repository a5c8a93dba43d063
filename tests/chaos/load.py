"""The load as data: what a seed asks for, request by request, in the order in which it is sent."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, Literal

from app.simulator.steering import compact
from schemas.times import format_at

Kind = Literal["request", "poison", "again", "conflict", "command", "aborted"]
TENANTS: Final = 9
SESSIONS: Final = 3  # of each tenant
LATENCIES_MS: Final = (0, 5, 20, 60, 150, 400, 1200)
WEIGHTS: Final = (10, 10, 25, 25, 15, 10, 5)


@dataclass(frozen=True, slots=True)
class Shot:
    """One record to send. `due`: what must be answered because of it, by tenant and request id."""

    kind: Kind
    key: bytes | None
    value: bytes | None
    due: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Taste:
    """How a run goes."""

    name: str
    weight: int
    steering: str
    streamed: bool = False


TASTES: Final = (
    Taste("plain", 30, ""),
    Taste("tool", 20, 'tool=look_up args={"order":%d}'),
    Taste("tool twice", 8, 'tool=look_up args={"order":%d} then tool=look_up args={"order":%d}'),
    Taste("hand-off", 10, 'tool=transfer_to_specialist then tool=weigh args={"order":%d}'),
    Taste("stream", 16, "deltas=12 chunk_ms=8", streamed=True),
    Taste("stream with a tool", 6, 'deltas=12 chunk_ms=8 tool=look_up args={"order":%d}', streamed=True),
    Taste("fails at first", 6, "fail=429*1 retry_after=0.1"),
    Taste("fails", 4, "fail=400"),
    Taste("approval", 3, 'tool=ship args={"order":%d}'),
    Taste("approval of a stream", 3, 'tool=ship args={"order":%d}', streamed=True),
)
HELD: Final = "held"  # what the ids of requests begin with whose approval nobody but a fault gives


class Load:
    """An endless, seeded sequence of shots; only the times in them are those of the clock."""

    def __init__(self, seed: str, at: Callable[[], datetime]) -> None:
        self.seed: Final = seed
        self._chance: Final = Random(seed)
        self._at: Final = at
        self._number = 0
        self._sent: list[Shot] = []

    def __iter__(self) -> Iterator[Shot]:
        while True:
            yield self.next()

    def next(self) -> Shot:
        """The next one: mostly a request, sometimes what producers get wrong, or an earlier one again."""
        chance = self._chance
        what = chance.choices(
            ("request", "poison", "again", "conflict", "cancel", "aborted"), (86, 3, 5, 1, 3, 2)
        )[0]
        if what == "poison":
            return self.poison()
        if what == "aborted":
            return self.aborted()
        earlier = self._sent[-40:]
        if what == "request" or not earlier:
            return self.request()
        shot = chance.choice(earlier)
        if what == "again":
            return Shot("again", shot.key, shot.value)
        if what == "conflict":
            return Shot("conflict", shot.key, json.dumps(self._changed(shot)).encode())
        return self._cancel(shot)

    def request(self) -> Shot:
        """A request of any taste."""
        chance = self._chance
        taste = chance.choices(TASTES, [one.weight for one in TASTES])[0]
        latency = chance.choices(LATENCIES_MS, WEIGHTS)[0]
        order = chance.randrange(1000)
        steering = taste.steering.replace("%d", str(order), 1).replace("%d", str(order + 1), 1)
        key = self._tenant()
        more: dict[str, Any] = {"stream": True} if taste.streamed else {}
        if chance.random() < 0.4:
            more["session_id"] = f"s-{chance.randrange(SESSIONS)}"
        when = chance.random()
        if when < 0.04:
            more["not_before"] = self._in(chance.uniform(0.2, 1.0))
        elif when < 0.07:
            more["deadline"] = self._in(chance.uniform(0.3, 1.5))
        request_id = self._id("r")
        text = f"[[sim: latency_ms={latency} {steering}]]" if steering else f"[[sim: latency_ms={latency}]]"
        shot = Shot("request", key, self._body(request_id, text, more, key), (key.decode(), request_id))
        self._sent.append(shot)
        return shot

    def poison(self) -> Shot:
        """A record that cannot be decoded."""
        number, key = self._count(), self._tenant()
        other = self._body(f"p-{number}", "hello", {}, b"somebody-else")
        value = self._chance.choice((b"rubbish %d" % number, b"[%d]" % number, b'{"n":%d}' % number, other))
        return Shot("poison", key, value)

    def aborted(self) -> Shot:
        """A request in a transaction that is aborted: it must never be run."""
        key = self._tenant()
        return Shot("aborted", key, self._body(self._id("never"), "[[sim: latency_ms=5]]", {}, key))

    def held(self) -> Shot:
        """A request whose tool waits for an approval."""
        key, request_id = self._tenant(), self._id(HELD)
        steering = f'[[sim: tool=ship args={{"order":{self._number}}}]]'
        value = self._body(request_id, steering, {"stream": True}, key)
        return Shot("request", key, value, (key.decode(), request_id))

    def slow(self, latency_ms: int) -> Shot:
        """A plain request that takes so long."""
        key, request_id = self._tenant(), self._id("slow")
        value = self._body(request_id, f"[[sim: latency_ms={latency_ms}]]", {}, key)
        return Shot("request", key, value, (key.decode(), request_id))

    def _cancel(self, shot: Shot) -> Shot:
        assert shot.due is not None
        command = {"command": "cancel", "request_id": shot.due[1], "actor": "crash-matrix"}
        return Shot("command", shot.key, compact(command).encode())

    def _changed(self, shot: Shot) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(shot.value or b"{}")
        return body | {"input": "something else"}

    def _in(self, seconds: float) -> str:
        return format_at(self._at() + timedelta(seconds=seconds))

    def _tenant(self) -> bytes:
        return b"tenant-%d" % self._chance.randrange(TENANTS)

    def _count(self) -> int:
        self._number += 1
        return self._number

    def _id(self, prefix: str) -> str:
        return f"{prefix}-{self._count()}"

    def _body(self, request_id: str, text: str, more: dict[str, Any], key: bytes) -> bytes:
        body = {"request_id": request_id, "tenant_id": key.decode(), "agent": "desk", "input": text} | more
        return json.dumps(body).encode()
