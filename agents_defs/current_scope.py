"""In which part of which run the current task works."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents_defs.run_scope import RunScope

SCOPE: ContextVar[RunScope | None] = ContextVar("penstock_run_scope", default=None)
