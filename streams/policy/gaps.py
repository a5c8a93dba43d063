"""Gap: what a store that was emptied does not know of a window; it counts as full until somebody tells it."""

from dataclasses import dataclass

from streams.policy.gates import Gate
from streams.policy.windows import SECONDS, AnyWindow, Counted, MonthWindow, Window

UNKNOWN = -1  # is used, of a window whose figure nobody knows
ASK_AGAIN_MS = 5000  # it may be told at any moment
LONGEST_MS = SECONDS["day"] * 1000 * 62 // 60  # then no window has anything of it any more


@dataclass(frozen=True, slots=True)
class Gap:
    """All is counted that was admitted since; what was before it is not known, or was told meanwhile."""

    since_ms: int
    told: bool = False

    def lasts_ms(self, window: AnyWindow, now_ms: int) -> int:
        """How long a part of the window lies before it; 0: none does. Months are told by other means."""
        if isinstance(window, MonthWindow) or not window.holds(window.bucket(self.since_ms), now_ms):
            return 0
        return window.leaves_ms(window.bucket(self.since_ms)) - now_ms

    def closes_ms(self, gate: Gate, now_ms: int) -> int:
        """When to ask again at this gate, for it is taken for full; 0: it is not."""
        if self.told or not gate.amount:
            return 0
        return min(self.lasts_ms(gate.window, now_ms), ASK_AGAIN_MS)

    def shared(self, all_of_them: Counted, window: Window) -> Counted:
        """What each user may have used before: nobody is told apart, so all that was used then.

        Right behind the gap counts what was under way.
        """
        last = window.bucket(self.since_ms) + 1
        return Counted({bucket: n for bucket, n in all_of_them.buckets.items() if bucket <= last})
