"""`penstock knowledge`: articles into the database and out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner, Result

from agents_defs.articles import Articles
from app.commands.knowledge import knowledge


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PENSTOCK_SHOP_URL", f"sqlite:///{tmp_path / 'shop.db'}")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(knowledge, list(arguments))


def test_articles_are_added_found_listed_and_removed(tmp_path: Path) -> None:
    (tmp_path / "zander.md").write_text("# Fish of the tailrace\n\nZanders spawn in May.\n")
    (tmp_path / "more.json").write_text('[{"id": "pike", "title": "Pike", "text": "Pike are quiet."}]')

    added = run("add", "zander.md", "more.json", "--tenant", "acme")
    found = run("search", "when do zanders spawn", "-t", "acme", "--json")
    theirs = run("search", "zanders", "-t", "globex")
    removed = run("remove", "pike", "-t", "acme")

    assert added.output == "added 2\n"
    assert json.loads(found.output)["title"] == "Fish of the tailrace"
    assert theirs.output == ""
    assert removed.output == "removed\n"
    assert run("list", "-t", "acme").output == "zander  Fish of the tailrace\n"


def test_without_a_tenant_articles_are_everybodys(tmp_path: Path) -> None:
    (tmp_path / "zander.md").write_text("Zanders spawn in May.")

    run("add", "zander.md")

    assert run("search", "zander", "-t", "globex").output == "zander  zander\n"
    assert len(run("list").output.splitlines()) > 20


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no json", "this is no JSON"),
        ("{}", "a list of articles"),
        ('[{"id": 7}]', "article 1: an article has id"),
        ('[{"id": "", "title": "t", "text": "x"}]', "needs an id"),
    ],
)
def test_a_file_that_cannot_be_taken_adds_nothing(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "bad.json").write_text(content)
    (tmp_path / "good.md").write_text("x")

    done = run("add", "good.md", "bad.json", "-t", "acme")

    assert done.exit_code == 2
    assert said in done.output
    assert run("list", "-t", "acme").output == ""


def test_a_database_that_goes_away_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> None:
        raise OperationalError("INSERT ...", {}, Exception("database is locked"))

    monkeypatch.setattr(Articles, "listed", locked)

    ended = run("list")

    assert (ended.exit_code, len(ended.stderr.splitlines())) == (2, 1)
    assert "PENSTOCK_SHOP_URL does not answer, or cannot be used" in ended.stderr


def test_what_cannot_be_done_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = run("add", "none.md")
    unknown = run("remove", "none", "-t", "acme")
    odd = run("list", "-t", "a b")
    monkeypatch.setenv("PENSTOCK_SHOP_URL", f"sqlite:///{tmp_path}/no/folder.db")
    away = run("list")
    monkeypatch.setenv("PENSTOCK_SHOP_URL", "mysql://u:secret@h/d")
    other = run("list")
    monkeypatch.delenv("PENSTOCK_SHOP_URL")
    unset = run("list")

    done = (gone, unknown, odd, away, other, unset)
    assert [one.exit_code for one in done] == [2] * 6
    assert all(len(one.output.splitlines()) == 1 for one in done)
    assert "secret" not in other.output
    assert "PENSTOCK_SHOP_URL is not set" in unset.output
