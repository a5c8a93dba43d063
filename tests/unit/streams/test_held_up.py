"""Who is kept waiting notices it afterwards, and says for how long."""

import pytest

from streams import held_up
from streams.observations import HeldUp
from tests.doubles.hand_clock import HandClock
from tests.doubles.observed import Observed


@pytest.mark.parametrize(("late_s", "told"), [(0.0, []), (0.9, []), (2.5, [HeldUp(2.5)])])
async def test_a_second_and_more_is_told(late_s: float, told: list[HeldUp]) -> None:
    clock, observed = HandClock(), Observed()

    async def sleep(seconds: float) -> None:
        if clock.now() > held_up_since:
            raise StopAsyncIteration
        clock.advance(seconds + late_s)

    held_up_since = clock.now()
    with pytest.raises(StopAsyncIteration):
        await held_up.watch(clock, observed, sleep)

    assert observed.of(HeldUp) == told
