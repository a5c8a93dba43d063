"""How a command ends: its exit code, and one line where something went wrong."""

import logging
import os
import re
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NoReturn

import typer
from aiokafka.errors import KafkaError

from app import lifetime
from app.settings import BadSettings
from app.startup import CannotStart

_KAFKA_PREFIX = re.compile(r"^\[Error -?\d+\] \w+: ")


class Exit(IntEnum):
    """What scripts may rely on."""

    OK = 0
    NOT_ALL = 1
    """It was done, but not all is well: a request did not complete, a check failed."""
    CANNOT = 2
    """It could not be done: wrong usage, or nobody answers."""
    TIMED_OUT = 3
    INTERRUPTED = 130
    READER_GONE = 141


class Trouble(Exception):
    """The command cannot go on; the message is one line that says what to do."""


def run(command: str, main: Callable[[], Coroutine[Any, Any, int]]) -> NoReturn:
    """Run a command's coroutine and exit with what it returns."""
    with told(command):
        code = lifetime.run(main)
    raise typer.Exit(code)


@contextmanager
def told(command: str) -> Iterator[None]:
    """Whatever went wrong is said in one line, without a traceback."""
    for library in ("aiokafka", "asyncio"):  # they log what is told here in one line
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        yield
    except (Trouble, BadSettings, CannotStart) as error:
        _stop(f"penstock {command}: {error}")
    except KafkaError as error:
        said = _KAFKA_PREFIX.sub("", str(error)) or type(error).__name__
        _stop(f"penstock {command}: Kafka refused this: {said}")
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None
    except BrokenPipeError:
        # Whoever read the output (head, less) has enough. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.READER_GONE) from None


def _stop(line: str) -> NoReturn:
    typer.echo(" ".join(line.split()), err=True)
    raise typer.Exit(Exit.CANNOT) from None
