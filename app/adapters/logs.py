"""Logs of the whole process, ours and the libraries': JSON lines or console, and never what was said.

Prompts, outputs and keys must not reach a log. So an exception is told by its type and its frames (its text
may quote what it choked on), fields that hold content are left out by name, what looks like a key is cut out,
and libraries that quote requests are kept quiet whatever the level. The texts stand in the dead letter.
"""

import copy
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from typing import Any, Final, Literal, TextIO

import orjson
import structlog
from structlog.types import EventDict, Processor

Level = Literal["debug", "info", "warning", "error"]
Style = Literal["auto", "json", "console"]

MOST_FRAMES = 12
MOST_CHARS = 300
LEFT_OUT = "[left out]"
CONTENT_FIELDS: Final = frozenset(
    {
        *("api_key", "password", "secret"),
        *("input", "items", "prompt", "instructions", "arguments", "output", "content", "text"),
        *("body", "message", "value"),
    }
)
# Their debug (and worse, their error) lines quote requests, answers or records.
QUIET: Final[Mapping[str, int]] = {
    "openai": logging.WARNING,
    "openai.agents": logging.CRITICAL,
    "httpx": logging.WARNING,
    "httpx2": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpcore2": logging.WARNING,
    "asyncio": logging.WARNING,
    "aiohttp.access": logging.CRITICAL,
    "aiokafka": logging.WARNING,
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "streams": logging.WARNING,  # Faust's services log under the names of our modules
}
FIRST_FIELDS: Final = ("at", "level", "logger", "event")
# The text of these says what is wrong with a connection, not what was sent over it.
_PLAIN_MODULES: Final = frozenset({"aiokafka", "faust", "mode", "redis"})
_SECRETS: Final = (
    (re.compile(r"\bsk-[A-Za-z0-9_-]{8,}"), "sk-…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 …"),
    (re.compile(r"(?i)\b(api[_-]?key|password|secret|token)(['\"]?\s*[=:]\s*)['\"]?[^\s'\",;&]+"), r"\1\2…"),
    (re.compile(r"://[^\s/@]+@"), "://…@"),
)


def configure(level: Level = "info", style: Style = "auto", stream: TextIO | None = None) -> None:
    """Have everything in this process logged to `stream` (standard error), one line each."""
    stream = stream or sys.stderr
    console = style == "console" or (style == "auto" and stream.isatty())
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        tell_exception,
        leave_out,
    ]
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    render: Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty(), timestamp_key="at")
        if console
        else structlog.processors.JSONRenderer(serializer=_json)
    )
    handler = DiscreetHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # A library's debug lines may hold anything; ours are the ones under "penstock".
    logging.getLogger("penstock").setLevel(level.upper())
    root.setLevel(max(logging.INFO, logging.getLogger("penstock").level))
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))


class DiscreetHandler(logging.StreamHandler[TextIO]):
    """Writes what libraries log, without the texts of the exceptions that they quote."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        if isinstance(record.msg, str):  # a library's; ours are dicts, and clean already
            record = copy.copy(record)
            if isinstance(record.args, tuple):
                record.args = tuple(map(_discreet, record.args))
            if record.name == "asyncio":  # its further lines are reprs of tasks, with their exceptions
                record.msg, record.args = record.getMessage().partition("\n")[0], ()
            record.exc_text = None
        return super().format(record)


def tell_exception(_: Any, __: str, event: EventDict) -> EventDict:
    """Put an exception's type and frames in the place of its traceback."""
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        event["error"] = describe(error)
        event["frames"] = [
            f"{_short(frame.filename)}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
        ]
    return event


def leave_out(_: Any, __: str, event: EventDict) -> EventDict:
    """Leave out content, cut out keys and shorten what is long."""
    for name, value in event.items():
        if name in CONTENT_FIELDS:
            event[name] = LEFT_OUT
        elif isinstance(value, str):
            event[name] = clean(value)
        elif isinstance(value, BaseException):
            event[name] = describe(value)
    return event


def clean(text: str) -> str:
    """A text without what looks like a key, cut at its limit."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]}…"


def describe(error: BaseException) -> str:
    """An exception's type; its text only where that cannot quote a request."""
    kind = type(error)
    if isinstance(error, OSError) or kind.__module__.partition(".")[0] in _PLAIN_MODULES:
        return clean(f"{kind.__name__}: {error}")
    return kind.__name__


def _discreet(argument: object) -> object:
    return describe(argument) if isinstance(argument, BaseException) else argument


def _short(path: str) -> str:
    return path.partition("site-packages/")[2] or "/".join(path.split("/")[-3:])


def _json(event: EventDict, **_: Any) -> str:
    ordered = {name: event.pop(name) for name in FIRST_FIELDS if name in event}
    ordered.update(event)
    return orjson.dumps(ordered, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
