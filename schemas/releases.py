"""Release: which versions of an agent serve, in what shares; the value of the compacted releases topic."""

from typing import Self

from pydantic import Field, model_validator

from schemas.fields import Milliseconds, Positive, Share
from schemas.money import Usd
from schemas.record import WireRecord
from schemas.times import At


class VersionShare(WireRecord):
    version: Positive
    share: float = Field(strict=True, ge=0, allow_inf_nan=False)
    """Relative: what counts is its part of the sum of all shares."""


class Shadow(WireRecord):
    """A version that runs beside the one that answers and is never heard."""

    version: Positive
    share: Share
    """The part of all requests that is also run by the shadow."""


class RollbackWhen(WireRecord):
    """Thresholds per version: past any of them it gets no further requests."""

    min_runs: Positive = 20
    """Judge no earlier than after so many runs."""
    failed_share: Share | None = None
    p95_run_ms: Milliseconds | None = None
    cost_usd_per_run: Usd | None = None


class Release(WireRecord):
    agent: str = Field(min_length=1)
    versions: tuple[VersionShare, ...] = Field(min_length=1)
    shadow: Shadow | None = None
    rollback_when: RollbackWhen | None = None
    by: str | None = None
    at: At | None = None

    @model_validator(mode="after")
    def _can_be_drawn_from(self) -> Self:
        if len({each.version for each in self.versions}) < len(self.versions):
            raise ValueError("versions: each version may stand once")
        if not sum(each.share for each in self.versions) > 0:
            raise ValueError("versions: the shares must add up to more than 0")
        return self
