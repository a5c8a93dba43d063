"""What its tenant's plan lets an attempt do: in which tools, in how long answers, and up to what limits."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agents_defs.run_journal import RunLost
from agents_defs.run_order import MayUse
from streams.allowance import Allowance
from streams.caps import Capped
from streams.flow import Accepted, reserves_on_arrival
from streams.journal import Patience
from streams.policy.caps import Cap, Filled
from streams.policy.gates import Gate, Spending
from streams.policy.terms import Asked, Terms
from streams.ports import Reservations
from streams.turns import Turn


@dataclass(frozen=True, slots=True)
class Licence:
    """For one attempt."""

    allowance: MayUse | None = None  # None: nothing that it uses is limited
    seat: Callable[[], Awaitable[Filled | None]] | None = None  # None: any number may run at once
    waits: bool = True  # for a seat, where there is none now
    max_output_tokens: int | None = None
    tools: tuple[str, ...] | None = None  # None: all
    mcp_servers: tuple[str, ...] | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    redaction: tuple[str, ...] | None = None  # kinds of personal data that no model is told


Licences = Callable[[Turn, Patience], Licence]


def unlimited(_turn: Turn, _patience: Patience) -> Licence:
    """Whatever it wants."""
    return Licence()


@dataclass(frozen=True, slots=True)
class Licensing:
    """By the plans in force."""

    terms: Callable[[str], Terms]
    foresee: Callable[[Accepted, Terms], Spending]
    reservations: Reservations
    at: Callable[[], datetime]
    caps: Capped

    def __call__(self, turn: Turn, patience: Patience) -> Licence:
        """For this attempt."""
        terms = self.terms(turn.accepted.request.tenant_id)
        plan = terms.plan
        capped = plan.concurrency is not None or turn.accepted.spec.max_runs is not None
        caps = self.caps(turn.accepted) if capped else ()
        allowance = self._allowance(turn, terms, patience) if terms.spends else None
        seat, waits = None, terms.waits_for_seat(turn.accepted.request.over_limit)
        if caps:
            waits = waits and not any(cap.most == 0 for cap in caps)  # of none there never comes one free

            async def seat() -> Filled | None:
                return await self._seated(turn, caps, waits, patience)

        return Licence(
            allowance,
            seat,
            waits,
            plan.max_output_tokens,
            plan.tools,
            plan.mcp_servers,
            plan.secrets,
            plan.privacy.redacted,
        )

    async def _seated(
        self, turn: Turn, caps: Sequence[Cap], waits: bool, patience: Patience
    ) -> Filled | None:
        try:
            return await patience.asked(lambda: self.reservations.sit(turn.key, caps, waits=waits))
        except RunLost as lost:
            if not lost.emptied:
                raise
            return None  # the store was emptied, and nobody knows who sits

    def _allowance(self, turn: Turn, terms: Terms, patience: Patience) -> Allowance:
        request = turn.accepted.request
        asked = Asked(turn.accepted.spec.name, request.model, request.user_id)

        def gates(needs: Spending) -> tuple[Gate, ...]:
            return self.terms(request.tenant_id).gates(asked, needs, self.at())

        # What an earlier attempt holds was given back when it left; of one that died nobody here knows it.
        on_arrival = turn.first and reserves_on_arrival(turn.accepted)
        held = self.foresee(turn.accepted, terms) if on_arrival else Spending()
        waits = terms.waits(request.over_limit)
        return Allowance(turn.key, gates, held, self.reservations, patience, waits=waits)
