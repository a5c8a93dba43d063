"""Whoever signs what others wrote is told what that means."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import cli
from app.operators.letters import Letter
from app.operators.replay_steps import Outlook, plan
from schemas.failures import Code
from tests.doubles.operated import REQUESTS, letter


def outlook(code: Code) -> Outlook:
    """Of one letter."""
    return Outlook.of(plan([Letter(letter(1, code), b"acme", 0, 0)], REQUESTS))


def test_what_had_no_good_signature_is_to_be_looked_at_before_one_vouches_for_it() -> None:
    told = outlook(Code.BAD_SIGNATURE)

    (kept,), (signed,) = told.warnings(), told.warnings(signed=True)

    assert "they are dead-lettered again, unless keys changed" in kept
    assert "your key vouches for them: look at each of them first" in signed


def test_other_reasons_stay_what_they_are() -> None:
    told = outlook(Code.UNDECODABLE)

    assert told.warnings(signed=True) == told.warnings()


def test_nobody_vouches_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PENSTOCK_SIGNING_KEY_FILE", raising=False)

    result = CliRunner().invoke(cli.app, ["dlq", "replay", "dl_1", "--sign", "--yes"])

    assert result.exit_code == 2
    assert "there is no key to sign with, so set PENSTOCK_SIGNING_KEY_FILE" in result.stderr
