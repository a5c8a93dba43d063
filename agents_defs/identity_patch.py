"""Spares each run from hashing its whole hand-off graph, twice.

To tell agents of the same name apart, the SDK sorts each group of same-named agents by a key that serialises
the agent: 0.2 ms for every reachable agent, in every run. Almost every group has one member, whose key
changes nothing.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from typing import Any

from agents import _run_state_agent_identity as identity
from agents.version import __version__ as sdk_version

PATCHED_VERSIONS = "0.24."


def sorted_unless_single(items: Iterable[Any], *, key: Callable[[Any], Any] | None = None) -> list[Any]:
    """`sorted`, but the key of an only element is not computed."""
    found = list(items)
    return found if len(found) < 2 else builtins.sorted(found, key=key)


def apply(version: str = sdk_version) -> bool:
    """Shadows `sorted` in the SDK's identity module. False: this version is unknown and left alone."""
    if not version.startswith(PATCHED_VERSIONS):
        return False
    identity.sorted = sorted_unless_single  # type: ignore[attr-defined]  # shadows the builtin in that module only
    return True


def remove() -> None:
    """Gives the SDK its own `sorted` back."""
    if "sorted" in vars(identity):
        del identity.sorted  # type: ignore[attr-defined]  # what `apply` put there
