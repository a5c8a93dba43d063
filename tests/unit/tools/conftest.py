"""Tools of a test have a shop, a knowledge base and files of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents_defs.equipment import Equipment, equip
from agents_defs.file_room import FileRooms, Room


@pytest.fixture
def equipped(request: pytest.FixtureRequest) -> Iterator[Equipment]:
    """With the options that the test is marked to have, else with none."""
    mine = Equipment()
    before = equip(mine)
    yield mine
    equip(before)
    mine.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where tenants' folders are made; beside it is what none of them may reach."""
    (tmp_path / "outside.txt").write_text("secret")
    (tmp_path / "rooms").mkdir()
    return tmp_path / "rooms"


@pytest.fixture
def room(root: Path) -> Iterator[Room]:
    """A tenant's, for 1000 bytes."""
    with FileRooms(root, quota_bytes=1000).room("acme") as opened:
        yield opened


@pytest.fixture
def acme(root: Path, room: Room) -> Path:
    """The folder of the tenant, as somebody on the machine sees it."""
    return root / "acme"
