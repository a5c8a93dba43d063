"""Ids as people type them: the first characters are enough where only one id begins with them. No I/O."""

from collections.abc import Collection, Iterable

from app.terminal.exits import Trouble
from app.terminal.screen import one_line

MOST_NAMED = 5


def is_meant(candidate: str, typed: Collection[str]) -> bool:
    """Whether any of the typed ids may mean this one."""
    return any(candidate.startswith(one) for one in typed)


def resolve(typed: str, candidates: Iterable[str], what: str, advice: str) -> str:
    """The one id that is meant; one that is typed in full is meant although others begin with it."""
    if not typed:
        raise Trouble(f"an empty id means no {what}: {advice}")
    found = sorted({one for one in candidates if one.startswith(typed)})
    if typed in found:
        return typed
    if not found:
        raise Trouble(f"no {what} has an id that begins with {one_line(typed, 140)!r}: {advice}")
    if len(found) > 1:
        named = ", ".join(one_line(one, 140) for one in found[:MOST_NAMED])
        more = ", …" if len(found) > MOST_NAMED else ""
        raise Trouble(
            f"{typed!r} begins the ids of {len(found)} {what}s ({named}{more}): write more of the id"
        )
    return found[0]
