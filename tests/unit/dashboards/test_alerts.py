"""The alerts in deploy/: they name metrics that exist, and promtool finds that they fire when they should."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.doubles.worker_metrics import every_metric

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "rules"
CASES = Path(__file__).parent / "alerts_test.yml"


def test_they_are_about_metrics_that_exist() -> None:
    exposed = {sample.name for metric in every_metric().collect() for sample in metric.samples}

    for path in RULES.glob("*.yml"):
        used = set(re.findall(r"\bpenstock_[a-z_]+", path.read_text()))
        assert used
        assert used <= exposed


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool on the path")
def test_they_fire_when_they_should_and_not_before(tmp_path: Path) -> None:
    for path in (*RULES.glob("*.yml"), CASES):
        shutil.copy(path, tmp_path)

    command = [str(shutil.which("promtool")), "test", "rules", str(tmp_path / CASES.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr
