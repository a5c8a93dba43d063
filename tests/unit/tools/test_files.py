"""Files of a tenant: nothing leads out of its folder, and the tools say why not."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_defs import file_room
from agents_defs.equipment import Equipment, ToolOptions, equip
from agents_defs.file_names import FileRefused, parts_of, room_name
from agents_defs.file_room import FileRooms, Room
from agents_defs.file_write import write
from agents_defs.tools.files import list_files, read_file, search_files, write_file
from tests.doubles.tool_calls import output_of

BAD_NAMES = [
    "/etc/passwd.txt",
    "../outside.txt",
    "a/../../outside.txt",
    "a/./b.txt",
    "a//b.txt",
    "~/x.txt",
    "~root/x.txt",
    "..",
    "a/..",
    ".hidden.txt",
    ".lock",
    ".notes/x.txt",
    "a\\b.txt",
    "..\\x.txt",
    "C:/x.txt",
    "c:x.txt",
    "x.txt\n",
    "x\x00.txt",
    "x\x1b[31m.txt",
    "x\u202etxt.exe.txt",  # right to left
    "x\u200b.txt",  # no width
    "x\u2028.txt",
    "x\ufeff.txt",
    "x\ud800.txt",
    "u\u0308.txt",  # not composed
    "x.txt.",
    "x.txt ",
    " x.txt",
    "a./x.txt",
    "a /x.txt",
    "con.txt",
    "NUL.txt",
    "a/lpt1.txt",
    "a:b.txt",
    "a*.txt",
    "a?.txt",
    "a/b/c/d/e/f/g/h/i.txt",
    "x" * 130 + ".txt",
    "x",
    "x.exe",
    "x.sh",
    "x.py",
    "x.txt.exe",
    "txt",
    "folder.txt/",
]


@pytest.mark.parametrize("name", BAD_NAMES, ids=[str(number) for number in range(len(BAD_NAMES))])
def test_a_name_that_is_not_plain_is_refused(room: Room, name: str) -> None:
    with pytest.raises(FileRefused):
        room.read(name)
    with pytest.raises(FileRefused):
        write(room, name, "x", "k")


@given(st.text(max_size=30))
def test_whatever_the_name_its_parts_stay_inside(name: str) -> None:
    try:
        parts = parts_of(name)
    except FileRefused:
        return

    assert not any(part in {"", ".", ".."} or "/" in part or "\0" in part for part in parts)


@given(st.text(max_size=60), st.text(max_size=60))
def test_tenants_have_folders_of_their_own(one: str, other: str) -> None:
    assert (room_name(one) == room_name(other)) == (one == other)
    assert parts_of(room_name(one)) == (room_name(one),)


@pytest.mark.parametrize(
    "tenant", ["../globex", "", "..", "a/b", "ACME", "acme ", "x-" + "0" * 40, "\u0430cme"]
)
def test_an_odd_tenant_gets_a_folder_with_a_plain_name(root: Path, tenant: str) -> None:
    with FileRooms(root, 1000).room(tenant) as room:
        write(room, "a.txt", "mine", "k")

    made = list(root.rglob("a.txt"))
    assert len(made) == 1
    assert made[0].parent.parent == root
    assert made[0].parent.name.startswith("x-")


def test_another_tenants_file_is_not_there(root: Path, room: Room) -> None:
    write(room, "a.txt", "ours", "k")

    with FileRooms(root, 1000).room("globex") as theirs:
        with pytest.raises(FileRefused, match="no such file"):
            theirs.read("a.txt")
        assert theirs.listed() == []
        assert theirs.search("ours") == []


def test_a_link_is_not_followed(room: Room, acme: Path, tmp_path: Path) -> None:
    (acme / "link.txt").symlink_to(tmp_path / "outside.txt")
    (acme / "folder").symlink_to(tmp_path)

    for path in ("link.txt", "folder/outside.txt"):
        with pytest.raises(FileRefused):
            room.read(path)
        with pytest.raises(FileRefused):
            write(room, path, "overwritten", "k", overwrite=True)
    assert room.listed() == []
    assert room.search("secret") == []
    assert (tmp_path / "outside.txt").read_text() == "secret"


def test_a_link_inside_of_the_room_is_not_followed_either(room: Room, acme: Path) -> None:
    write(room, "a.txt", "x", "k")
    (acme / "b.txt").symlink_to("a.txt")

    with pytest.raises(FileRefused):
        room.read("b.txt")


def test_a_room_that_is_a_link_is_no_room(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "globex").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(FileRefused), FileRooms(root, 1000).room("globex"):
        pass


def test_a_link_put_there_between_the_look_and_the_opening_is_not_followed(
    room: Room, acme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(room, "a.txt", "plain", "k")
    look = os.stat

    def swapped(name: Any, **how: Any) -> os.stat_result:
        facts = look(name, **how)
        if name == "a.txt":
            (acme / "a.txt").unlink()
            (acme / "a.txt").symlink_to(tmp_path / "outside.txt")
        return facts

    monkeypatch.setattr(os, "stat", swapped)

    with pytest.raises(FileRefused, match="cannot be read"):
        room.read("a.txt")


def test_a_folder_swapped_for_a_link_while_it_is_open_stays_the_folder(
    room: Room, acme: Path, tmp_path: Path
) -> None:
    write(room, "sub/a.txt", "inside", "k")
    (tmp_path / "a.txt").write_text("outside")

    with room.folder(("sub",)) as within:
        (acme / "sub").rename(acme / "moved")
        (acme / "sub").symlink_to(tmp_path)
        read = file_room.read_at("a.txt", within, 100)

    assert read == b"inside"
    with pytest.raises(FileRefused):
        room.read("sub/a.txt")


def test_a_file_with_another_name_is_not_read(room: Room, acme: Path, tmp_path: Path) -> None:
    os.link(tmp_path / "outside.txt", acme / "hard.txt")

    with pytest.raises(FileRefused, match="another name"):
        room.read("hard.txt")
    with pytest.raises(FileRefused, match="another name"):
        write(room, "hard.txt", "x", "k", overwrite=True)
    assert room.listed() == []
    assert (tmp_path / "outside.txt").read_text() == "secret"


def test_what_is_no_plain_file_is_not_opened(room: Room, acme: Path) -> None:
    os.mkfifo(acme / "fifo.txt")  # would wait for a writer for ever
    (acme / "folder.txt").mkdir()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(acme / "s.txt"))
    listening.close()

    for name in ("fifo.txt", "folder.txt", "s.txt"):
        with pytest.raises(FileRefused, match="no plain file"):
            room.read(name)
        with pytest.raises(FileRefused):
            write(room, name, "x", "k", overwrite=True)


def test_a_fifo_put_there_after_the_look_does_not_hold_anybody_up(
    room: Room, acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(room, "a.txt", "plain", "k")
    look = os.stat

    def swapped(name: Any, **how: Any) -> os.stat_result:
        facts = look(name, **how)
        if name == "a.txt":
            (acme / "a.txt").unlink()
            os.mkfifo(acme / "a.txt")
        return facts

    monkeypatch.setattr(os, "stat", swapped)

    with pytest.raises(FileRefused, match="no plain file"):
        room.read("a.txt")


def test_what_is_no_text_is_not_read(room: Room, acme: Path) -> None:
    (acme / "image.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (acme / "latin.txt").write_bytes("Mühle".encode("latin-1"))

    for name in ("image.txt", "latin.txt"):
        with pytest.raises(FileRefused, match="no text"):
            room.read(name)
    with pytest.raises(FileRefused, match="no text"):
        write(room, "a.txt", "a\0b", "k")
    with pytest.raises(FileRefused, match="no text"):
        write(room, "a.txt", "\ud800", "k")


def test_a_large_file_is_not_read(room: Room, acme: Path) -> None:
    (acme / "large.txt").write_bytes(b"x" * (file_room.MOST_READ + 1))

    with pytest.raises(FileRefused, match="larger than"):
        room.read("large.txt")


async def test_the_tools_work_in_the_folder_of_who_asks(root: Path) -> None:
    mine = Equipment(ToolOptions(files_root=root))
    before = equip(mine)
    written = {"path": "a/b.md", "text": "one\ntwo\nthree", "overwrite": False}

    told = [json.loads(await output_of(write_file, written)) for _ in range(2)]
    read = json.loads(await output_of(read_file, {"path": "a/b.md", "first_line": 2, "lines": 1}))
    listed = json.loads(await output_of(list_files, {"folder": "a"}))
    found = json.loads(await output_of(search_files, {"words": "THREE", "folder": ""}))
    theirs = await output_of(read_file, {"path": "a/b.md"}, tenant_id="globex")
    refused = await output_of(read_file, {"path": "../globex/a.md"})

    equip(before)
    assert [one["done"] for one in told] == ["written", "was written"]
    assert (read["text"], read["lines"]) == ("two", 3)
    assert listed == {"folders": [], "files": [{"path": "a/b.md", "bytes": 13}]}
    assert found == {"found": [{"path": "a/b.md", "line": 3, "text": "three"}]}
    assert theirs == "Not done: there is no such folder."
    assert refused.startswith("Not done: names of files")
    assert str(root) not in refused + theirs


async def test_without_a_root_there_are_no_files(equipped: Equipment) -> None:
    for tool, arguments in ((list_files, {}), (read_file, {"path": "a.txt"})):
        assert await output_of(tool, arguments) == "Not done: there are no files here."


def test_a_root_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no folder"):
        Equipment(ToolOptions(files_root=tmp_path / "none")).check()
