"""How far another machine's clock is from ours."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.doctor.finding import Finding, fail, ok, warn

# Deadlines are judged by a worker's clock, limits by Redis', retention and `--from` by Kafka's.
NOTICED = timedelta(seconds=1)
UNUSABLE = timedelta(seconds=60)
ADVICE = "keep all machines on NTP (chrony, systemd-timesyncd): deadlines are judged by the workers' clocks"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the other clock said, and ours before and after it was asked."""

    before: datetime
    told: datetime
    after: datetime

    @property
    def skew(self) -> timedelta:
        """How far the other one is ahead, at least: what lies within the asking cannot be known."""
        if self.told > self.after:
            return self.told - self.after
        return min(self.told - self.before, timedelta(0))


def judge(check: str, reading: Reading) -> Finding:
    """By how much it is off."""
    skew = reading.skew
    if abs(skew) < NOTICED:
        return ok(check, "agrees with this machine's")
    side = "ahead of" if skew > timedelta(0) else "behind"
    found = f"{abs(skew).total_seconds():.1f} s {side} this machine's"
    return (fail if abs(skew) >= UNUSABLE else warn)(check, found, ADVICE)
