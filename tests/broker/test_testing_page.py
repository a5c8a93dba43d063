"""The page about testing: its examples are a project whose tests pass."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ("pytester",)
PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.timeout(180)  # projects of their own, in processes of their own


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(name="project")
def of_the_page(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Each file of the page, under the name in its first line; and the run that is recorded, offline."""
    for block in blocks("python"):
        first, _, text = block.partition("\n")
        file = pytester.path / first.removeprefix("# ")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PENSTOCK_AGENTS_DIR", "agents")
    (command,) = blocks("sh")
    words = [sys.executable, "-m", "app", *shlex.split(command)[1:], "--offline"]
    subprocess.run(words, cwd=pytester.path, env=dict(os.environ), check=True, capture_output=True)
    return pytester


def test_the_examples_pass(project: pytest.Pytester) -> None:
    ran = project.runpytest_subprocess("-W", "ignore", "-p", "no:cacheprovider", "--strict-markers")

    ran.assert_outcomes(passed=8, skipped=1)


def test_a_changed_agent_fails_its_recorded_run_as_the_page_says(project: pytest.Pytester) -> None:
    agent = project.path / "agents" / "gauge.py"
    agent.write_text(agent.read_text().replace("You tell water levels.", "You tell water levels in metres."))

    ran = project.runpytest_subprocess("-W", "ignore", "-p", "no:cacheprovider", "tests/test_recorded.py")

    ran.assert_outcomes(failed=1)
    (shown,) = re.findall(r"```\n(the agent asks.*?)```", PAGE, re.DOTALL)
    assert [line for line in shown.splitlines() if line not in ran.stdout.str()] == []
