"""Endpoints: several places where models are served, and which of them is asked next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Provider = Literal["openai", "azure", "litellm"]
Routing = Literal["round_robin", "least_in_flight", "latency"]
FIRST_OUT_S = 2.0
LONGEST_OUT_S = 60.0
HUNG_CALLS = 3  # so many in a row got no answer in their time: one may have asked for too much
UNSEEN_S = 30.0  # longer than a look takes
NEWEST_SHARE = 0.2  # of the newest answer in the latency that is remembered


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """One of them, as configured."""

    name: str
    provider: Provider = "openai"
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    api: Literal["responses", "chat_completions"] = "responses"
    api_version: str | None = None  # Azure's
    models: tuple[str, ...] | None = None  # that are served there; None: all
    names: Mapping[str, str] = field(default_factory=dict)  # how it calls a model, where otherwise
    weight: float = 1.0
    max_in_flight: int | None = None
    tenant_key: str | None = None  # the name in a plan's `secrets` of the key that its tenant brings

    def serves(self, model: str) -> bool:
        """Whether this model can be asked there."""
        return self.models is None or model in self.models


@dataclass(slots=True)
class Load:
    """What is under way at an endpoint in this worker, whichever models are asked there."""

    calls: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How an endpoint has done of late, for one model."""

    asked: float = 0.0  # calls so far by its weight: who has the least is next
    latency_s: float | None = None
    failures: int = 0  # in a row
    hung: int = 0  # calls in a row that got no answer in their time
    out_until: float = 0.0

    @property
    def hangs(self) -> bool:
        """Whether only an answer would show that it is well."""
        return self.hung >= HUNG_CALLS


@dataclass(frozen=True, slots=True)
class Candidate:
    """An endpoint as it stands when somebody is to be asked."""

    endpoint: EndpointOptions
    standing: Standing
    calls: int = 0  # that are under way there

    @property
    def load(self) -> float:
        """By its weight."""
        return self.calls / self.endpoint.weight

    def is_well(self, now: float) -> bool:
        """Whether it may be given a call. One that failed is looked at first, if somebody looks."""
        standing, most = self.standing, self.endpoint.max_in_flight
        out = standing.failures > 0 and now < standing.out_until + UNSEEN_S
        return not out and (most is None or self.calls < most)

    def expected_s(self, guess: float) -> float:
        """One that nobody knows is tried first, by one call: it may never answer. Until it does it is as slow
        as the slowest. One with many calls under way will be slower than it was."""
        unknown = guess if self.calls else 0.0
        latency = unknown if self.standing.latency_s is None else self.standing.latency_s
        return latency * (1 + self.calls) / self.endpoint.weight


def choose(routing: Routing, candidates: Sequence[Candidate], now: float) -> int:
    """The index of who is asked: of those that are well; where none is, who has been out for longest."""
    well = [nth for nth, one in enumerate(candidates) if one.is_well(now)]
    if not well:
        everywhere = range(len(candidates))
        return min(everywhere, key=lambda nth: (candidates[nth].standing.out_until, candidates[nth].calls))
    if routing == "round_robin":
        return min(well, key=lambda nth: candidates[nth].standing.asked)
    if routing == "least_in_flight":
        return min(well, key=lambda nth: (candidates[nth].load, candidates[nth].standing.asked))
    guess = max(candidates[nth].standing.latency_s or 0.0 for nth in well)
    return min(well, key=lambda nth: (candidates[nth].expected_s(guess), candidates[nth].standing.asked))


def sent(standing: Standing, endpoint: EndpointOptions, least: float) -> Standing:
    """A call is under way. `least`: of all, so that one that comes back is not asked everything at once."""
    return replace(standing, asked=max(standing.asked, least) + 1 / endpoint.weight)


def answered(standing: Standing, took_s: float) -> Standing:
    """It answered."""
    before = standing.latency_s
    latency = took_s if before is None else before + NEWEST_SHARE * (took_s - before)
    return replace(standing, latency_s=latency, failures=0, hung=0, out_until=0.0)


def failed(standing: Standing, now: float, retry_after_s: float | None = None) -> Standing:
    """It did not, by its own fault. Calls that fail together are one failure."""
    if standing.out_until <= now:
        return still_out(standing, now, retry_after_s)
    return replace(standing, out_until=max(standing.out_until, now + (retry_after_s or 0.0)))


def still_out(standing: Standing, now: float, retry_after_s: float | None = None) -> Standing:
    """It is left alone for a while, longer each time."""
    out_s = min(LONGEST_OUT_S, FIRST_OUT_S * 2.0 ** min(standing.failures, 10))
    out_until = now + max(out_s, retry_after_s or 0.0)
    return replace(standing, failures=standing.failures + 1, out_until=out_until)


def cut_off(standing: Standing, took_s: float) -> Standing:
    """Nobody waited for its answer any longer: it takes at least so long."""
    before = standing.latency_s
    if before is not None and took_s <= before:
        return standing
    latency = took_s if before is None else before + NEWEST_SHARE * (took_s - before)
    return replace(standing, latency_s=latency)


def ran_out(standing: Standing, took_s: float, now: float) -> Standing:
    """It did not answer in the call's time. One that did so to several calls in a row has failed."""
    standing = replace(cut_off(standing, took_s), hung=standing.hung + 1)
    return failed(standing, now) if standing.hangs else standing


def recovered(standing: Standing) -> Standing:
    """It was looked at and is well. How long calls hung there says nothing of the next."""
    latency_s = None if standing.hangs else standing.latency_s
    return replace(standing, latency_s=latency_s, failures=0, hung=0, out_until=0.0)
