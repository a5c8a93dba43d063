"""What the doctor makes of requests that are parked."""

import pytest

from app.doctor import parked
from app.operators.skipped import Skipped


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("count", "verdict"), [(0, "ok"), (1, "warn"), (7, "warn")])
def test_requests_that_cannot_be_read_are_a_warning(count: int, verdict: str, whole: bool) -> None:
    found = parked.judge(Skipped(count, "penstock-parked 0@17"), whole=whole)

    assert found.verdict == verdict
    assert ("0@17" in found.found) == (count > 0)
    assert ("within 10 s" in found.found) == (not whole)
