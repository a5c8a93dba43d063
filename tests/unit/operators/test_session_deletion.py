"""What has to be cancelled before a session is deleted: its requests, and what these have other agents do."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.operators import reading
from app.operators.session_deletion import Target, open_requests
from schemas.requests import AgentRequest
from streams.options import KafkaOptions
from streams.question_ids import question_id

BOSS = AgentRequest(request_id="r-1", tenant_id="acme", agent="boss", input="hello", session_id="s")
ASKED = question_id(BOSS, "t", "c-0")


class Desk:
    """One request of the session runs."""

    async def under_way(self, tenant_id: str, session_id: str) -> Sequence[str]:
        return ["r-2"]


def parked(request_id: str, session_id: str | None) -> Any:
    return SimpleNamespace(request_id=request_id, session_id=session_id)


ALL = [parked("r-1", "s"), parked(ASKED, None), parked("r-3", "t"), parked("r-4", None)]


async def test_what_other_agents_were_asked_is_cancelled_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def waiting(_kafka: KafkaOptions, _tenant: str, wanted: Callable[[Any], bool]) -> list[Any]:
        return [SimpleNamespace(parked=one) for one in ALL if wanted(one)]

    monkeypatch.setattr(reading, "waiting", waiting)

    found = await open_requests(KafkaOptions(), cast("Any", Desk()), Target("acme", "s", None))

    assert found == ["r-1", ASKED, "r-2"]
