"""Why a parked request goes on only to end."""

from datetime import datetime

from schemas.failures import Code
from streams.flow import Problem
from streams.parked import Parked, ParkReason


def overdue(parked: Parked, at: datetime) -> Problem | None:
    """Why it goes on only to end: what it waited for did not come in time."""
    if parked.deadline is not None and parked.deadline <= at:
        return Problem(Code.EXPIRED, f"the deadline passed while the request waited ({parked.reason})")
    if parked.reason is ParkReason.APPROVAL:
        late = [one.tool for one in parked.approvals if one.approved is None and one.expires_at <= at]
        if late:
            return Problem(Code.APPROVAL_EXPIRED, f"nobody decided in time about: {', '.join(late)}")
    return None
