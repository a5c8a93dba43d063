"""The page about verify names what the command knows."""

from pathlib import Path

from app.verify.findings import Promise
from app.verify.ledger import FIGURES

PAGE = (Path(__file__).parents[3] / "docs" / "verify.md").read_text()


def test_each_promise_has_its_row() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]

    assert [promise for promise in Promise if not any(f"`{promise}` |" in row for row in rows)] == []


def test_the_form_of_a_ledger_is_told() -> None:
    assert [name for name in ("call_id", "billed", *FIGURES) if f"`{name}`" not in PAGE] == []
