"""Tools of a test have a shop, a knowledge base and files of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents_defs.equipment import Equipment, equip


@pytest.fixture
def equipped(request: pytest.FixtureRequest) -> Iterator[Equipment]:
    """With the options that the test is marked to have, else with none."""
    mine = Equipment()
    before = equip(mine)
    yield mine
    equip(before)
    mine.close()
