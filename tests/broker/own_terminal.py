"""A command on a terminal of its own, at which a person types."""

import asyncio
import contextlib
import os
import pty
import sys

from tests.broker.stand_in_worker import StandIn

OWN_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from app import cli
cli.main()
"""


async def at_a_terminal(stand_in: StandIn, typed: bytes, *words: str) -> tuple[int | None, bytes]:
    """Run a command on a terminal of its own, and type once it asks."""
    outer, inner = pty.openpty()
    kafka = stand_in.kafka
    settings = {
        "PENSTOCK_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "PENSTOCK_TOPIC_PREFIX": kafka.topic_prefix,
        "PENSTOCK_APP_ID": kafka.app_id,
        "PENSTOCK_PARTITIONS": str(kafka.partitions),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWN_TERMINAL, *words, stdin=inner, stdout=inner, stderr=inner,
        env=os.environ | settings, start_new_session=True,
    )  # fmt: skip
    os.close(inner)
    said, typing = b"", None
    try:
        async with asyncio.timeout(60):
            while (part := await asyncio.to_thread(_read, outer)) != b"":
                said += part
                if typing is None and b"[y/N]" in said:
                    typing = asyncio.create_task(_type(outer, typed))
            return await process.wait(), said
    finally:
        if typing is not None:
            typing.cancel()
        os.close(outer)
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _type(terminal: int, typed: bytes) -> None:
    """Again and again, as people do: a Ctrl-C just before the command begins to read waits for the next."""
    with contextlib.suppress(OSError):  # the other end is closed
        while True:
            os.write(terminal, typed)
            await asyncio.sleep(1)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""
