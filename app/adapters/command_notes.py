"""What is noted beside the committed position of a control partition: the commands dealt with beyond it."""

from app.adapters.group_offsets import Committed
from streams.flow import DealtWith

SIGN = "done+"
MOST_BYTES = 2048  # a broker takes 4096; those left out are acted on again, which their effects allow


def written(done: DealtWith) -> str:
    """How far each stands from the one before it."""
    note, before = SIGN, done.position
    for offset in done.beyond:
        step = f"{offset - before},"
        if len(note) + len(step) > MOST_BYTES:
            break
        note, before = note + step, offset
    return note if done.beyond else ""


def read(committed: Committed) -> DealtWith:
    """Any other note, as earlier versions wrote it, says nothing about commands."""
    offset, beyond = committed.offset, []
    steps = committed.note.removeprefix(SIGN).split(",")[:-1] if committed.note.startswith(SIGN) else ()
    for step in steps:
        if not step.isdecimal():
            break
        offset += int(step)
        beyond.append(offset)
    return DealtWith(committed.offset, tuple(beyond))
