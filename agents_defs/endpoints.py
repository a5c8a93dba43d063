"""Endpoints: several places where models are served, and which of them is asked next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Provider = Literal["openai", "azure", "litellm"]
Routing = Literal["round_robin", "least_in_flight", "latency"]
FIRST_OUT_S = 2.0
LONGEST_OUT_S = 60.0
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
    """What is under way at an endpoint, whichever models are asked there."""

    calls: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How an endpoint has done of late, for one model."""

    in_flight: int = 0
    asked: float = 0.0  # calls so far by its weight: who has the least is next
    latency_s: float | None = None
    failures: int = 0  # in a row
    out_until: float = 0.0


def choose(
    routing: Routing, endpoints: Sequence[EndpointOptions], standings: Sequence[Standing], now: float
) -> int:
    """The index of who is asked: of those that are well; where none is, who has been out for longest."""
    well = [
        nth
        for nth, (one, standing) in enumerate(zip(endpoints, standings, strict=True))
        if standing.out_until <= now and (one.max_in_flight is None or standing.in_flight < one.max_in_flight)
    ]
    if not well:
        everywhere = range(len(endpoints))
        return min(everywhere, key=lambda nth: (standings[nth].out_until, standings[nth].in_flight))
    if routing == "round_robin":
        return min(well, key=lambda nth: standings[nth].asked)
    if routing == "least_in_flight":
        return min(well, key=lambda nth: (_load(standings[nth], endpoints[nth]), standings[nth].asked))
    guess = max((standings[nth].latency_s or 0.0 for nth in well), default=0.0)
    expected = [_expected_s(standing, one, guess) for one, standing in zip(endpoints, standings, strict=True)]
    return min(well, key=lambda nth: (expected[nth], standings[nth].asked))


def _load(standing: Standing, endpoint: EndpointOptions) -> float:
    return standing.in_flight / endpoint.weight


def _expected_s(standing: Standing, endpoint: EndpointOptions, guess: float) -> float:
    """One that nobody knows is tried first, by one call: it may never answer. Until it does it is as slow as
    the slowest. One with many calls under way will be slower than it was."""
    unknown = guess if standing.in_flight else 0.0
    latency = unknown if standing.latency_s is None else standing.latency_s
    return latency * (1 + standing.in_flight) / endpoint.weight


def sent(standing: Standing, endpoint: EndpointOptions, least: float) -> Standing:
    """A call is under way. `least`: of all, so that one that comes back is not asked everything at once."""
    asked = max(standing.asked, least) + 1 / endpoint.weight
    return replace(standing, in_flight=standing.in_flight + 1, asked=asked)


def answered(standing: Standing, took_s: float) -> Standing:
    """It answered."""
    before = standing.latency_s
    latency = took_s if before is None else before + NEWEST_SHARE * (took_s - before)
    return replace(standing, in_flight=standing.in_flight - 1, latency_s=latency, failures=0, out_until=0.0)


def failed(standing: Standing, now: float, retry_after_s: float | None = None) -> Standing:
    """It did not, by its own fault. Calls that fail together are one failure."""
    if standing.out_until <= now:
        return still_out(let_go(standing), now, retry_after_s)
    later = max(standing.out_until, now + (retry_after_s or 0.0))
    return replace(let_go(standing), out_until=later)


def still_out(standing: Standing, now: float, retry_after_s: float | None = None) -> Standing:
    """It is left alone for a while, longer each time."""
    out_s = min(LONGEST_OUT_S, FIRST_OUT_S * 2.0 ** min(standing.failures, 10))
    out_until = now + max(out_s, retry_after_s or 0.0)
    return replace(standing, failures=standing.failures + 1, out_until=out_until)


def cut_off(standing: Standing, took_s: float) -> Standing:
    """Nobody waited for its answer any longer: it takes at least so long."""
    before = standing.latency_s
    if before is None or took_s > before:
        latency = took_s if before is None else before + NEWEST_SHARE * (took_s - before)
        standing = replace(standing, latency_s=latency)
    return let_go(standing)


def let_go(standing: Standing) -> Standing:
    """The call ended in a way that says nothing of the endpoint."""
    return replace(standing, in_flight=standing.in_flight - 1)


def recovered(standing: Standing) -> Standing:
    """It was looked at and is well."""
    return replace(standing, failures=0, out_until=0.0)
