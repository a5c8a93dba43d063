"""How much of everything is run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of one bench."""

    repeats: int
    runs: int  # of the instant model, in each measurement
    waiting_runs: int  # of the model that takes a second
    growth_repeats: int
    growth_runs: int
    slices: int  # of the open loop, for each contestant
    arrivals: int  # in each of them
    calfkit_runs: int  # it takes several times as long for each
    dbos_runs: int
    step_runs: int  # of three model calls each
    alone_requests: int  # one at a time, in each slice
    gathered: int = 10_000

    @classmethod
    def of(cls, *, repeats: int, runs: int, quick: bool) -> "Scale":
        """From the flags."""
        if quick:
            return cls(1, 1000, 3000, 1, 2000, 1, 1500, 500, 300, 1000, 200)
        few, calfkits = min(3, repeats), max(500, runs // 3)
        return cls(
            repeats,
            runs,
            5000,
            few,
            8000,
            few,
            3000,
            calfkits,
            max(300, runs // 6),
            max(1000, runs // 2),
            400,
        )
