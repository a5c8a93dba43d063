"""Reads lines that a person types, without holding up what runs meanwhile."""

import asyncio
import sys


async def line(prompt: str) -> str | None:
    """One line without its end; None at the end of the input. The prompt goes to standard error."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    if sys.stdin.isatty():  # a terminal has whole lines; a thread that waits for one could not be ended
        ready = asyncio.Event()
        loop, number = asyncio.get_running_loop(), sys.stdin.fileno()
        loop.add_reader(number, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(number)
    text = sys.stdin.readline()
    return text.rstrip("\n") if text else None
