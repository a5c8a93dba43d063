"""Asked: a question of a run to another agent, from when its request is written until its reply is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agents_defs.questions import UNTOLD, Reply


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, as the parked record of the run that asks keeps it."""

    call: str  # of the run: which tool call waits for it
    agent: str
    input: str
    request_id: str
    max_cost_usd: Decimal | None = None  # of what the asking run may spend still
    reply: Reply | None = None  # None: there is none yet
    digest: str = UNTOLD  # of agent and input, which are gone when the reply is there
    sha256: str = ""  # of its request's bytes; "": an earlier version asked, or nothing was written


def told_asked(one: Asked) -> dict[str, Any]:
    """As it stands in a record. Of what was answered the question itself is not needed any more."""
    told: dict[str, Any] = {"call": one.call, "agent": one.agent, "request_id": one.request_id}
    told["digest"] = one.digest
    if one.reply is None:
        cap = None if one.max_cost_usd is None else str(one.max_cost_usd)
        return told | {"input": one.input, "max_cost_usd": cap, "sha256": one.sha256}
    reply = one.reply
    return told | {
        "reply": {
            "status": reply.status,
            "output": reply.output,
            "code": reply.code,
            "message": reply.message,
            "cost_usd": str(reply.cost_usd),
        }
    }


def read_asked(told: Mapping[str, Any]) -> Asked:
    """The reverse. Raises KeyError, TypeError or ValueError."""
    cap, reply = told.get("max_cost_usd"), told.get("reply")
    return Asked(
        told["call"],
        told["agent"],
        told.get("input", ""),
        told["request_id"],
        None if cap is None else Decimal(cap),
        None if reply is None else _reply(reply),
        told.get("digest", UNTOLD),
        told.get("sha256", ""),
    )


def _reply(told: Mapping[str, Any]) -> Reply:
    return Reply(told["status"], told["output"], told["code"], told["message"], Decimal(told["cost_usd"]))
