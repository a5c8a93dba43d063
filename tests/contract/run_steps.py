"""What tests of run stores do again and again: requests that are claimed, begun, decided and answered."""

from collections.abc import Sequence
from typing import Any

from streams.flow import Admit, Answered, Verdict
from streams.ports import Begun, Claim, ClaimStore, RunKey, RunStore, SessionTurn

SHA, OTHER_SHA = "a" * 64, "b" * 64
OUTCOME = b"what came of it"


async def claimed(claims: ClaimStore, token: str = "t-1", **more: Any) -> Verdict:
    """What is said to a delivery of request r-1, or of another."""
    values: dict[str, Any] = {"tenant_id": "acme", "request_id": "r-1", "sha256": SHA} | more
    (verdict,) = await claims.claim([Claim(**({"partition": 0} | values), token=token)])
    return verdict


async def admitted(claims: ClaimStore, token: str = "t-1", **more: Any) -> RunKey:
    """The next attempt."""
    verdict = await claimed(claims, token, **more)
    assert isinstance(verdict, Admit)
    tenant_id, request_id = more.get("tenant_id", "acme"), more.get("request_id", "r-1")
    return RunKey(tenant_id, request_id, verdict.attempt, token, more.get("generation", 0))


async def answered(claims: ClaimStore, request_id: str = "r-1", **more: Any) -> None:
    """Its outcome is published."""
    await claims.answer([Answered("acme", request_id, SHA, **more)], {})


async def begun(runs: RunStore, run: RunKey, session_id: str | None = None, version: int = 1) -> Begun:
    """The attempt runs."""
    return await runs.begin(run, version, session_id)


def said(text: str) -> list[dict[str, Any]]:
    """The items of a turn."""
    return [{"role": "user", "content": f"{text}?"}, {"role": "assistant", "content": text}]


async def ended(claims: ClaimStore, runs: RunStore, request_id: str, items: Sequence[Any]) -> None:
    """A request of session `s`, from its claim to its answer."""
    run = await admitted(claims, request_id=request_id)
    await begun(runs, run, "s")
    await runs.decide(run, OUTCOME, SessionTurn("s", items))
    await answered(claims, request_id)


async def read(claims: ClaimStore, runs: RunStore, session_id: str = "s", tenant_id: str = "acme") -> Any:
    """What a new request finds in a session."""
    run = await admitted(claims, request_id=f"reader-{session_id}", tenant_id=tenant_id, token="reader")
    return (await begun(runs, run, session_id)).session_items
