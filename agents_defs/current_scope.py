"""In which part of which run the current task works; `run_scope.SCOPE` is the same, with its type."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

CURRENT: ContextVar[Any] = ContextVar("penstock_run_scope", default=None)
