"""A write of a tenant's file is whole, made once, and within the quota."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from agents_defs import file_write
from agents_defs.file_names import FileRefused
from agents_defs.file_room import Room
from agents_defs.file_write import write


def test_what_is_written_can_be_read_listed_and_found(room: Room) -> None:
    write(room, "reports/2026/märz.md", "# Level\nThe gate is OPEN\n", "k1")
    write(room, "note.txt", "nothing", "k2")

    assert room.read("reports/2026/märz.md") == "# Level\nThe gate is OPEN\n"
    assert [(entry.path, entry.folder) for entry in room.listed()] == [("reports", True), ("note.txt", False)]
    assert [(one.path, one.line, one.text) for one in room.search("gate is open")] == [
        ("reports/2026/märz.md", 2, "The gate is OPEN")
    ]


def test_a_file_is_replaced_only_by_who_means_to(room: Room) -> None:
    write(room, "a.txt", "one", "k1")

    with pytest.raises(FileRefused, match="there is such a file"):
        write(room, "a.txt", "two", "k2")
    assert write(room, "a.txt", "two", "k3", overwrite=True) == "written"
    assert room.read("a.txt") == "two"


@pytest.mark.parametrize(
    ("known", "new"), [("a.txt", "A.TXT"), ("Straße.txt", "strasse.txt"), ("fi.txt", "\ufb01.txt")]
)
def test_two_names_that_look_the_same_are_refused(room: Room, known: str, new: str) -> None:
    write(room, known, "x", "k1")
    write(room, f"{known[:-4]}/x.txt", "x", "k2")

    with pytest.raises(FileRefused, match="looks the same"):
        write(room, new, "y", "k3")
    with pytest.raises(FileRefused, match="looks the same"):
        write(room, f"{new[:-4]}/y.txt", "y", "k4")


def test_the_same_call_is_made_once(room: Room) -> None:
    write(room, "a.txt", "one", "k1")

    assert write(room, "a.txt", "one", "k1") == "was written"
    with pytest.raises(FileRefused, match="other arguments"):
        write(room, "a.txt", "two", "k1")


def test_a_call_made_again_does_not_undo_what_was_written_since(room: Room) -> None:
    write(room, "a.txt", "one", "k1")
    write(room, "a.txt", "two", "k2", overwrite=True)

    with pytest.raises(FileRefused, match="changed since"):
        write(room, "a.txt", "one", "k1")
    assert room.read("a.txt") == "two"


@pytest.mark.parametrize("cut", ["the rename", "the note", "the content"])
def test_a_write_that_is_cut_off_leaves_the_old_file_and_is_made_later(
    room: Room, acme: Path, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    write(room, "a.txt", "old", "k0")
    renames = 0

    class Killed(BaseException):
        """Nothing is tidied up after it."""

    def rename(*arguments: Any, **named: Any) -> None:
        nonlocal renames
        renames += 1
        if renames == {"the note": 1, "the rename": 2}.get(cut):
            raise Killed
        os_rename(*arguments, **named)

    def fsync(file: int) -> None:
        if cut == "the content" and renames == 1:
            raise Killed
        os_fsync(file)

    os_rename, os_fsync = os.rename, os.fsync
    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Killed):
        write(room, "a.txt", "new", "k1", overwrite=True)
    monkeypatch.undo()
    standing = room.read("a.txt")

    assert write(room, "a.txt", "new", "k1", overwrite=True) == "written"
    assert (standing, room.read("a.txt")) == ("old", "new")
    assert [path.name for path in acme.glob(".part-*")] == []


def test_the_quota_is_of_all_files_together(room: Room, acme: Path) -> None:
    write(room, "a.txt", "x" * 600, "k1")

    with pytest.raises(FileRefused, match="400 bytes are left"):
        write(room, "b/c.txt", "x" * 401, "k2")
    assert not (acme / "b").exists()
    write(room, "a.txt", "x" * 1000, "k3", overwrite=True)
    with pytest.raises(FileRefused, match="0 bytes are left"):
        write(room, "b.txt", "x", "k4")


def test_what_cannot_be_listed_counts_too(room: Room, acme: Path) -> None:
    (acme / ".hidden").write_bytes(b"x" * 900)

    with pytest.raises(FileRefused, match="100 bytes are left"):
        write(room, "a.txt", "x" * 101, "k1")


def test_there_is_an_end_to_the_number_of_files(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_write, "MOST_ENTRIES", 6)
    for number in range(5):  # beside the lock and the notes
        write(room, f"{number}.txt", "", f"k{number}")

    with pytest.raises(FileRefused, match="no more than 6"):
        write(room, "a/b.txt", "", "k9")


def test_the_oldest_notes_are_forgotten(room: Room, acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_write, "MOST_NOTES", 3)
    for number in range(6):
        write(room, f"{number}.txt", "", f"k{number}")

    assert len(list((acme / file_write.NOTES).iterdir())) == 3
    assert write(room, "5.txt", "", "k5") == "was written"
