"""What people write behind the flags of the operators' commands."""

import re
from datetime import datetime

from app.client.durations import format_ms, parse_duration
from app.terminal.exits import Trouble
from schemas.fields import TENANT_ID_PATTERN
from schemas.times import parse_at


def is_tenant_id(text: str) -> bool:
    """Whether a tenant could have this id."""
    return re.fullmatch(TENANT_ID_PATTERN, text, re.ASCII) is not None


def patience_s(text: str) -> float:
    """How long to wait without hearing anything."""
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise Trouble(f"--timeout: {error}") from None


def moment_ago(text: str | None, flag: str, at: datetime) -> datetime | None:
    """2h (ago), or a time."""
    if text is None:
        return None
    try:
        return at - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        return parse_at(text)
    except ValueError:
        raise Trouble(
            f"{flag} {text!r}: write how long ago, such as 2h, or a time such as 2026-11-21T07:05:38Z"
        ) from None


def silence_line(patience: float, tenant_id: str, left: int = 1) -> str:
    """Nobody answered: what stands, and where its answer will be."""
    stands = "the command stands" if left == 1 else f"{left} commands stand"
    return (
        f"no worker answered within {format_ms(patience * 1000)}; {stands} on the control topic and will be "
        f"acted on when one does: penstock tail audit --from 10m --tenant {tenant_id}"
    )
