"""What the doctor makes of this machine."""

import pytest

from app.doctor import machine
from app.startup import SPARE_FILES


def test_the_pinned_packages_are_the_installed_ones() -> None:
    pinned = machine.pinned()

    assert {"faust-streaming", "aiokafka"} <= pinned.keys()
    assert [found.verdict for found in machine.pins(pinned)] == ["ok"]


@pytest.mark.parametrize("wanted", [{"aiokafka": "0.0.1"}, {"no-such-package": "1.0"}])
def test_another_version_than_the_tested_one_is_a_failure(wanted: dict[str, str]) -> None:
    (found,) = machine.pins(wanted)

    assert found.verdict == "fail"
    assert "make setup" in found.advice


@pytest.mark.parametrize(
    ("hard", "verdict"), [(None, "ok"), (1000 + SPARE_FILES, "ok"), (999 + SPARE_FILES, "warn")]
)
def test_fewer_files_than_runs_need_are_a_warning(hard: int | None, verdict: str) -> None:
    assert machine.files(hard, max_in_flight=1000).verdict == verdict
