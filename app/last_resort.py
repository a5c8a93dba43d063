"""Ends this process where stopping it in order takes longer than it may.

Whatever is stopped may itself wait for a broker that is away, and swallow that it is told to give up. Nothing
is lost by it: what is under way is read again, as after any crash.
"""

import os
import threading
from collections.abc import Callable
from typing import Final

EXIT_CODE: Final = 1


def after(
    seconds: float, told: Callable[[], object], end: Callable[[int], object] = os._exit
) -> threading.Timer:
    """From now on. In a thread, since the event loop may be what does not go on; nobody waits for it."""

    def give_up() -> None:
        try:
            told()
        finally:
            end(EXIT_CODE)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    return timer
