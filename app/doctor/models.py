"""Looks at the models: can each tier's be asked."""

import asyncio
from collections.abc import Sequence

from agents_defs.model_access import ModelAccess, Probe
from app.doctor.finding import Finding, fail, ok

PATIENCE_S = 30.0
ADVICE = (
    "see OPENAI_API_KEY, OPENAI_BASE_URL and PENSTOCK_MODEL_*, or do without: PENSTOCK_MODEL_PROVIDER=offline"
)


async def examine(access: ModelAccess) -> list[Finding]:
    """One finding per model that is not well. Closes the access."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            probes = await access.probe()
    except TimeoutError:
        return [fail("model", f"no answer within {PATIENCE_S:.0f} s", ADVICE)]
    finally:
        await access.close()
    return judge(probes)


def judge(probes: Sequence[Probe]) -> list[Finding]:
    """Models that are well share a line."""
    well = [probe for probe in probes if probe.ok]
    found = [fail("model", f"{probe.model}: {probe.detail}", ADVICE) for probe in probes if not probe.ok]
    if well:
        names = ", ".join(probe.model for probe in well)
        found.append(ok("model", f"{names}: {well[0].detail}"))
    return found
