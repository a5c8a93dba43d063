"""How much is run."""

from benchmarks.scale import Scale


def test_quick_runs_everything_once_and_little_of_it() -> None:
    quick = Scale.of(repeats=5, runs=3000, quick=True)
    whole = Scale.of(repeats=5, runs=3000, quick=False)

    assert (quick.repeats, quick.growth_repeats, quick.slices) == (1, 1, 1)
    assert quick.alone_requests >= 200 <= whole.alone_requests  # so that there is a ninety-ninth
    assert quick.runs < whole.runs == 3000
    assert quick.gathered == whole.gathered == 10_000


def test_the_repeats_asked_for_bound_all_others() -> None:
    asked = Scale.of(repeats=2, runs=3000, quick=False)

    assert (asked.repeats, asked.growth_repeats, asked.slices) == (2, 2, 2)
