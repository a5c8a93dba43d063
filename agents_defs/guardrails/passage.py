"""The texts that guardrails judge: what this request asks, what the agent says, what its tools told it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic_core import to_jsonable_python

from agents_defs.run_scope import SCOPE


def asked_text(asked: Any) -> str:
    """What the request asks, without the session before it: that was judged when it was asked."""
    scope = SCOPE.get()
    if scope is not None and scope.path.count("/") <= 1:  # the run's own, and not that of an agent in a tool
        asked = scope.run.order.input
    return asked if isinstance(asked, str) else "\n\n".join(_parts(asked))


def said_text(said: Any) -> str:
    """An answer or a result as text."""
    if isinstance(said, str):
        return said
    return json.dumps(to_jsonable_python(said, fallback=str, inf_nan_mode="strings"), ensure_ascii=False)


def heard_by_run() -> tuple[str, ...]:
    """What an answer may rest on: the question, what was said before, and all that tools returned."""
    scope = SCOPE.get()
    if scope is None:
        return ()
    order = scope.run.order
    before = ["\n".join(_parts([item])) for item in order.session_items]
    return (asked_text(order.input), *before, *scope.run.heard)


def _parts(items: Iterable[Any]) -> Iterable[str]:
    for item in items:
        if not isinstance(item, dict):
            continue
        content = item.get("content", item.get("output", ""))
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            yield from (str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)
        else:
            yield said_text(content)
