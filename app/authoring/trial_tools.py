"""What the example tools of an agent that is tried work with: the same as in a worker."""

from collections.abc import Iterator
from contextlib import contextmanager

from agents_defs.equipment import Equipment, equip
from app.settings import Settings
from app.terminal.exits import Trouble


@contextmanager
def equipped(settings: Settings) -> Iterator[None]:
    """As long as it is tried. Trouble where the settings cannot be right."""
    mine = Equipment(settings.tools())
    try:
        mine.check()
    except ValueError as error:
        mine.close()
        raise Trouble(f"the example tools: {error}") from error
    before = equip(mine)
    try:
        yield
    finally:
        equip(before)
        mine.close()
