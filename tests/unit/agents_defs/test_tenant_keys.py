"""Keys in files: read again when they change, looked at seldom, and nothing leads out of their folder."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agents_defs.tenant_keys import LOOK_S, KeyFolder


@dataclass
class Folder:
    """A folder of keys, and a clock that is moved by hand."""

    path: Path
    now: float = 0.0
    keys: KeyFolder = field(init=False)

    def __post_init__(self) -> None:
        self.path.mkdir()
        self.keys = KeyFolder(self.path, lambda: self.now)

    def write(self, name: str, key: str) -> Path:
        path = self.path / name
        path.write_text(f"{key}\n")
        return path


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "keys")


def test_a_key_is_looked_at_once_a_second_however_many_calls_ask(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, real = Counter[str](), os.path.realpath

    def counted(path: Path, *, strict: bool = False) -> str:
        looks[Path(path).name] += 1
        return str(real(path, strict=strict))

    monkeypatch.setattr(os.path, "realpath", counted)
    for name in ("one", "two"):
        folder.write(name, f"key-{name}")

    for nth in range(300):
        folder.now = nth / 100
        assert (folder.keys.key("one"), folder.keys.key("two")) == ("key-one", "key-two")

    assert (looks["one"], looks["two"]) == (3, 3)


def test_a_key_that_was_rotated_counts_within_a_second(folder: Folder) -> None:
    folder.write("openai", "old")
    folder.keys.key("openai")
    folder.write("openai", "new-key")
    folder.now = LOOK_S - 0.01
    before = folder.keys.key("openai")

    folder.now = LOOK_S

    assert (before, folder.keys.key("openai")) == ("old", "new-key")


def test_a_key_of_the_same_length_and_time_that_took_its_place_counts(folder: Folder) -> None:
    first = folder.write("openai", "key-1")
    folder.keys.key("openai")
    second = folder.write("openai.new", "key-2")
    stamp = first.stat()
    os.utime(second, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    second.rename(first)
    folder.now = LOOK_S

    assert folder.keys.key("openai") == "key-2"


def test_a_key_that_is_taken_away_is_not_used_any_more_and_used_again_when_it_is_back(folder: Folder) -> None:
    path = folder.write("openai", "key")
    folder.keys.key("openai")
    path.unlink()
    folder.now = LOOK_S
    for _ in range(2):
        with pytest.raises(ValueError, match="below PENSTOCK_SECRETS_DIR: No such file"):
            folder.keys.key("openai")

    folder.write("openai", "again")

    assert folder.keys.key("openai") == "again"


def test_a_name_that_leads_out_of_the_folder_later_is_found_out(folder: Folder, tmp_path: Path) -> None:
    path = folder.write("openai", "key")
    folder.keys.key("openai")
    (tmp_path / "secret").write_text("not-yours")
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    folder.now = LOOK_S

    for _ in range(2):
        with pytest.raises(ValueError, match="leads out of PENSTOCK_SECRETS_DIR"):
            folder.keys.key("openai")


@pytest.mark.parametrize("reference", ["../secret", "/etc/passwd", "a/../../b", "", ".hidden", "a//b"])
def test_what_is_no_name_below_the_folder_is_not_looked_for(folder: Folder, reference: str) -> None:
    with pytest.raises(ValueError, match="is no name of a file below PENSTOCK_SECRETS_DIR"):
        folder.keys.key(reference)


def test_links_that_go_in_a_circle_lead_nowhere(folder: Folder) -> None:
    (folder.path / "a").symlink_to(folder.path / "b")
    (folder.path / "b").symlink_to(folder.path / "a")

    with pytest.raises(ValueError, match="a below PENSTOCK_SECRETS_DIR"):
        folder.keys.key("a")


def test_a_secret_store_that_mounts_by_links_is_followed(folder: Folder) -> None:
    for version in ("v1", "v2"):
        (folder.path / version).mkdir()
        (folder.path / version / "openai").write_text(version)
    (folder.path / "current").symlink_to("v1")
    (folder.path / "openai").symlink_to("current/openai")
    first = folder.keys.key("openai")
    (folder.path / "next").symlink_to("v2")
    (folder.path / "next").rename(folder.path / "current")
    folder.now = LOOK_S

    assert (first, folder.keys.key("openai")) == ("v1", "v2")


def test_a_key_stands_in_no_description(folder: Folder) -> None:
    folder.write("openai", "sk-secret")
    folder.keys.key("openai")

    assert "sk-secret" not in repr(folder.keys._read)
