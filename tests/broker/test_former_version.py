"""Which commit counts as the version before, and that a clone which lacks it is told so."""

import subprocess
from pathlib import Path

import pytest

from tests.broker.former_version import NoHistory, Repository

SHARED = ("wire", "store_*.lua")


class History:
    """A repository in the making."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "--quiet")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@example.org")

    def git(self, *words: str) -> str:
        command = ["git", "-C", str(self.root), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.root / name).write_text(text)

    def commit(self, **files: str) -> str:
        self.write(**files)
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "more")
        return self.git("rev-parse", "HEAD")

    def clone(self, target: Path, *flags: str) -> Repository:
        subprocess.run(
            ["git", "clone", "--quiet", *flags, f"file://{self.root}", str(target)],
            check=True,
            capture_output=True,
        )
        return Repository(target)


@pytest.fixture
def history(tmp_path: Path) -> History:
    made = History(tmp_path / "made")
    (made.root / "wire").write_text("1")
    made.write(**{"store_a.lua": "1"})
    made.commit(other="1")
    return made


def test_it_is_the_commit_before_the_newest_change_to_what_versions_share(history: History) -> None:
    before = history.commit(other="2")
    history.commit(wire="2")
    history.commit(other="3")

    assert Repository(history.root).former(shared=SHARED) == before


def test_a_change_that_is_not_committed_is_the_newest(history: History) -> None:
    head = history.commit(wire="2")
    (history.root / "store_b.lua").write_text("a new file")

    assert Repository(history.root).former(shared=SHARED) == head


def test_a_release_comes_first_but_for_the_one_that_this_is(history: History) -> None:
    released = history.commit(wire="2")
    history.git("tag", "v1.0")
    history.commit(wire="3")
    history.commit(wire="4")
    history.git("tag", "v1.1")

    assert Repository(history.root).former(shared=SHARED) == released


def test_one_can_be_named(history: History) -> None:
    first = history.git("rev-parse", "HEAD")
    history.commit(wire="2")
    history.commit(wire="3")

    assert Repository(history.root).former("HEAD~2", SHARED) == first
    with pytest.raises(NoHistory, match="names v9, which is not in this clone"):
        Repository(history.root).former("v9", SHARED)


def test_a_whole_clone_has_it(history: History, tmp_path: Path) -> None:
    before = history.git("rev-parse", "HEAD")
    history.commit(wire="2")

    clone = history.clone(tmp_path / "clone")
    clone.unpack(clone.former(shared=SHARED), tmp_path / "former", ("wire",))

    assert clone.former(shared=SHARED) == before
    assert (tmp_path / "former" / "wire").read_text() == "1"


@pytest.mark.parametrize("depth", [1, 2])
def test_a_shallow_clone_is_told_what_to_fetch(history: History, tmp_path: Path, depth: int) -> None:
    history.commit(wire="2")
    history.commit(other="2")

    clone = history.clone(tmp_path / "clone", "--depth", str(depth))

    with pytest.raises(NoHistory, match="git fetch --unshallow"):
        clone.former(shared=SHARED)


def test_a_tree_without_history_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(NoHistory, match="there is none here"):
        Repository(tmp_path).former(shared=SHARED)


def test_a_shared_file_that_was_renamed_has_to_be_named_anew(history: History) -> None:
    with pytest.raises(NoHistory, match=r"does not exist \(any more\): renamed"):
        Repository(history.root).former(shared=("wire", "renamed"))
