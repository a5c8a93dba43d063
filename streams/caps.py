"""Which caps a request is counted under, by the plans in force and its agent."""

from collections.abc import Callable
from typing import Final

from streams.flow import Accepted
from streams.policy.caps import Bench, Cap, caps_of
from streams.policy.terms import Terms
from streams.ports import Foresees

Capped = Callable[[Accepted], tuple[Cap, ...]]


class CapsInForce:
    """Costs nothing where there are none."""

    def __init__(self, terms: Callable[[str], Terms], models: Foresees) -> None:
        self._terms: Final = terms
        self._models: Final = models

    def __call__(self, accepted: Accepted) -> tuple[Cap, ...]:
        """Those of this request; the one that all tenants share comes last."""
        request, spec = accepted.request, accepted.spec
        planned = self._terms(request.tenant_id).plan.concurrency
        if planned is None and spec.max_runs is None:
            return ()
        asked = Bench(request.tenant_id, spec.name)
        return caps_of(planned, asked, lambda: self._models.meant(spec, request.model), spec.max_runs)
