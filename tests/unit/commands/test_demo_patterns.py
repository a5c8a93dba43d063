"""`penstock demo --pattern` says which patterns there are."""

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.demo.patterns import EXAMPLES


@pytest.mark.parametrize(("asked", "code"), [("list", 0), ("no-such-pattern", 2)])
def test_the_patterns_are_listed(asked: str, code: int) -> None:
    result = CliRunner().invoke(app, ["demo", "--pattern", asked])

    assert result.exit_code == code
    assert [name for name in EXAMPLES if name not in result.output] == []


def test_an_unknown_pattern_is_named() -> None:
    result = CliRunner().invoke(app, ["demo", "--pattern", "no-such-pattern"])

    assert "no-such-pattern" in result.stderr
