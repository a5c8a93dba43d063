"""A file of requests is judged as a whole."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.client.outgoing import SizeRules
from app.client.request_file import MOST_SHOWN, read_file
from app.terminal.exits import Trouble

NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
RULES = SizeRules(1000, 500)
DEFAULTS = {"tenant_id": "acme", "agent": "support"}


def test_one_bad_line_stops_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text('{"input": "fine"}\n{"input": \n')

    with pytest.raises(Trouble, match="nothing was sent: 1 of 2 lines are bad"):
        read_file(str(file), DEFAULTS, RULES, NOW, skip_bad=False)

    assert f"{file}:2: " in capsys.readouterr().err


def test_bad_lines_can_be_skipped(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text('{"input": "fine"}\r\nnot JSON\n{"input": "too"}')

    good = read_file(str(file), DEFAULTS, RULES, NOW, skip_bad=True)

    assert [one.line for one in good] == [1, 3]


def test_many_bad_lines_are_not_all_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text("bad\n" * (MOST_SHOWN + 5))

    with pytest.raises(Trouble):
        read_file(str(file), DEFAULTS, RULES, NOW, skip_bad=True)

    told = capsys.readouterr().err.splitlines()
    assert len(told) == MOST_SHOWN + 1
    assert told[-1].endswith("and 5 more bad lines")


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"input": "hi"}\n')))

    assert len(read_file("-", DEFAULTS, RULES, NOW, skip_bad=False)) == 1


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="No such file"):
        read_file(str(tmp_path / "none"), DEFAULTS, RULES, NOW, skip_bad=False)


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text("\n\n")

    with pytest.raises(Trouble, match="there is no request in"):
        read_file(str(file), DEFAULTS, RULES, NOW, skip_bad=False)


@pytest.mark.parametrize("option", [{"input": "text"}, {"request_id": "r"}])
def test_a_text_or_an_id_beside_a_file_is_a_mistake(option: dict[str, str]) -> None:
    with pytest.raises(Trouble, match="give no text and no --request-id"):
        read_file("-", {**DEFAULTS, **option}, RULES, NOW, skip_bad=False)
