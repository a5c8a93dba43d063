"""A session's turns as they are stored: whose they are in plain words, and what was said, sealed or not.

The request's id stands first, so that a script can tell whose turn the last one is.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from app.adapters.memory_seal import Seal
from schemas.text import writable_json
from streams.ports import RunKey, SessionTurn

Items = list[dict[str, Any]]
Whose = tuple[str, str]  # tenant and session


def turn_begins(run: RunKey) -> bytes:
    """How the turns of this request begin."""
    return b'{"request_id":' + orjson.dumps(run.request_id) + b',"items":'


def turn_bytes(seal: Seal, run: RunKey, turn: SessionTurn) -> bytes:
    """As it is stored."""
    said = items_bytes(turn.items)
    if seal.on:
        place = _place((run.tenant_id, turn.session_id), run.request_id, turn.anew)
        said = orjson.dumps(b64encode(seal.seal(said, *place)).decode())
    return turn_begins(run) + said + (b',"anew":true}' if turn.anew else b"}")


def conversation(seal: Seal, whose: Whose, turns: Sequence[bytes]) -> Items:
    """What a model is told of these: all since the conversation was last put together anew."""
    told: list[Items] = []
    for raw in reversed(turns):
        turn = orjson.loads(raw)
        told.append(said(seal, whose, turn))
        if turn.get("anew"):
            break
    return [item for items in reversed(told) for item in items]


def said(seal: Seal, whose: Whose, turn: dict[str, Any]) -> Items:
    """The items of one turn. Raises Unreadable."""
    items = turn["items"]
    if isinstance(items, str):
        place = _place(whose, turn["request_id"], bool(turn.get("anew")))
        items = orjson.loads(seal.open(b64decode(items), *place))
    found: Items = items
    return found


def resealed(seal: Seal, whose: Whose, raw: bytes) -> bytes | None:
    """The same turn, sealed with the first key; None: it is. Raises Unreadable."""
    turn = orjson.loads(raw)
    items, request_id = turn["items"], turn["request_id"]
    if not seal.on or (isinstance(items, str) and seal.is_new(b64decode(items))):
        return None
    anew = SessionTurn(whose[1], said(seal, whose, turn), bool(turn.get("anew")))
    new = turn_bytes(seal, RunKey(whose[0], request_id, 0, ""), anew)
    return new[:-1] + b',"gone":%d}' % turn["gone"] if "gone" in turn else new


def items_bytes(items: Iterable[dict[str, Any]]) -> bytes:
    """As JSON, whatever a model said."""
    try:
        return orjson.dumps(list(items))
    except TypeError:  # half a letter, which a provider may send, or a number of more than 64 bits
        return json.dumps(writable_json(list(items))).encode()


def _place(whose: Whose, request_id: str, anew: bool) -> tuple[str, ...]:
    return "turn", *whose, request_id, "anew" if anew else ""
