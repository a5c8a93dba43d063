"""Judges the sessions' memory: each turn that was answered stands in it once, in the order of the answers."""

import json
from base64 import b64decode
from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import redis.asyncio as redis

from tests.chaos.judgement import Breach

Session = tuple[str, str]  # tenant, session
PROMISE = "session_memory"


def judge(
    remembered: Mapping[Session, Sequence[str]],
    answered: Mapping[Session, Sequence[str]],
    due: Collection[Hashable],
) -> list[Breach]:
    """What is remembered, beside what was completed. `due`: what must be, for it was sent after any flush."""
    found: list[Breach] = []
    for session, turns in remembered.items():
        completed = answered.get(session, ())
        found += [
            _breach("duplicated", session, turn, "stands in its session's memory more than once")
            for turn, times in Counter(turns).items()
            if times > 1
        ]
        known = [turn for turn in dict.fromkeys(turns) if turn in completed]
        if known != sorted(known, key=list(completed).index):
            found.append(
                _breach("out_of_order", session, known[0], "turns are not remembered in their order")
            )
    found += [
        _breach("lost", session, turn, "was completed, and its session does not remember it")
        for session, completed in answered.items()
        for turn in completed
        if turn not in remembered.get(session, ()) and (session[0], turn) in due
    ]
    return found


def _breach(column: str, session: Session, turn: str, what: str) -> Breach:
    return Breach(f"{PROMISE}:{column}", what, f"session {session[1]}", (session[0], turn))


async def remembered(client: "redis.Redis", app_id: str) -> dict[Session, list[str]]:
    """The request ids of each session's turns, as Redis holds them."""
    tag = f"{{{app_id}}}:s:"
    found: dict[Session, list[str]] = {}
    keys = [key.decode() async for key in client.scan_iter(match=f"{tag}*", count=1000)]
    for key in keys:
        length, _, rest = key[len(tag) :].partition(":")
        tenant_id, session_id = rest[: int(length)], rest[int(length) + 1 :]
        turns: list[Any] = await client.lrange(key, 0, -1)
        found[tenant_id, session_id] = [json.loads(turn)["request_id"] for turn in turns]
    return found


def completed(dump: Path) -> dict[Session, list[str]]:
    """The completed requests of each session, in the order of their responses."""
    found: dict[Session, list[str]] = {}
    with (dump / "responses.jsonl").open() as lines:
        for line in lines:
            answer = json.loads(b64decode(json.loads(line)["value"]))
            session_id = answer.get("session_id")
            if answer["status"] == "completed" and session_id is not None:
                found.setdefault((answer["tenant_id"], session_id), []).append(answer["request_id"])
    return found
