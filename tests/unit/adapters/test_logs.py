"""What is logged, at which level, in which shape; and that nothing which was said is ever in it."""

import asyncio
import gc
import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from pydantic import BaseModel, ValidationError

from app.adapters import logs
from app.adapters.log_observer import REPEAT_S, LogObserver
from schemas.failures import Code
from streams.observations import Fault, LimitRefused, OutcomeSealed, RecordRejected, RequestDone, StoreAway
from tests.doubles.occurrences import EVERY_KIND, ONE_RUN

CANARY = "the-patient-is-called-Zaphod"
KEY = "sk-proj-0123456789abcdef"


@dataclass
class Log:
    """What was written since `configure`."""

    stream: io.StringIO

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]


@pytest.fixture
def configure() -> Iterator[Callable[..., Log]]:
    """logs.configure on a stream of the test's own; everything is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in (*logs.QUIET, "penstock")}

    def configured(level: logs.Level = "debug", style: logs.Style = "json") -> Log:
        log = Log(io.StringIO())
        logs.configure(level, style, log.stream)
        return log

    yield configured
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


# -- shape


def test_a_line_is_one_json_object_with_time_level_logger_and_fields(configure: Callable[..., Log]) -> None:
    log = configure("info")

    structlog.get_logger("penstock.worker").info("partitions assigned", partitions=[1, 2])

    [line] = log.lines
    assert line["event"] == "partitions assigned"
    assert line["level"] == "info"
    assert line["logger"] == "penstock.worker"
    assert line["partitions"] == [1, 2]
    assert line["at"].endswith("Z")
    assert list(line)[:4] == ["at", "level", "logger", "event"]


def test_libraries_log_in_the_same_shape(configure: Callable[..., Log]) -> None:
    log = configure("info")

    logging.getLogger("aiokafka.consumer").warning("Heartbeat failed for group %s", "penstock")

    [line] = log.lines
    assert line["event"] == "Heartbeat failed for group penstock"
    assert line["logger"] == "aiokafka.consumer"


def test_the_console_style_is_for_people(configure: Callable[..., Log]) -> None:
    log = configure("info", "console")

    structlog.get_logger("penstock").info("partitions assigned", partitions=[1, 2])

    assert "partitions assigned" in log.text
    assert "partitions=[1, 2]" in log.text
    assert not log.text.startswith("{")


def test_auto_means_json_where_no_person_reads(configure: Callable[..., Log]) -> None:
    log = configure("info", "auto")

    structlog.get_logger("penstock").info("x")

    assert log.events == ["x"]


def test_what_is_below_the_level_is_not_logged(configure: Callable[..., Log]) -> None:
    log = configure("warning")

    structlog.get_logger("penstock").info("ours")
    logging.getLogger("aiokafka").info("theirs")

    assert log.text == ""


def test_an_exception_is_told_by_its_type_and_frames(configure: Callable[..., Log]) -> None:
    log = configure()

    try:
        raise ValueError(CANARY)
    except ValueError:
        structlog.get_logger("penstock").error("it broke", exc_info=True)

    [line] = log.lines
    assert line["error"] == "ValueError"
    assert "test_logs.py" in line["frames"][-1]
    assert CANARY not in log.text


def test_what_is_wrong_with_a_connection_is_told(configure: Callable[..., Log]) -> None:
    log = configure()

    structlog.get_logger("penstock").error("no Kafka", exc_info=ConnectionRefusedError(111, "refused"))

    assert log.lines[0]["error"] == "ConnectionRefusedError: [Errno 111] refused"


# -- the observer


def observer(seconds: list[float], level: str = "info") -> LogObserver:
    return LogObserver(lambda: seconds[0], level)


def test_ordinary_runs_are_not_even_handed_to_the_logger_at_info(configure: Callable[..., Log]) -> None:
    log = configure("debug")

    for occurrence in ONE_RUN:
        observer([0.0], "info").observe(occurrence)

    assert log.text == ""


def test_every_occurrence_is_a_debug_line_at_least(configure: Callable[..., Log]) -> None:
    log = configure("debug")
    told = observer([0.0], "debug")

    for number, occurrence in enumerate(EVERY_KIND, start=1):
        told.observe(occurrence)
        assert len(log.lines) == number, occurrence


@pytest.mark.parametrize(
    ("occurrence", "level", "fields"),
    [
        (Fault("execution", "ValueError('x')"), "error", {"stage": "execution", "error": "ValueError"}),
        (RecordRejected(Code.OVERSIZE, 3, 41), "warning", {"code": "oversize", "partition": 3, "offset": 41}),
        (RequestDone("support", "failed", Code.TOOL_FAILED, True), "warning", {"code": "tool_failed"}),
        (LimitRefused("acme", Code.LIMIT_COST), "info", {"tenant": "acme", "code": "limit_cost"}),
        (StoreAway("admission", False, "refused"), "warning", {"store": "admission", "reason": "refused"}),
        (StoreAway("admission", True, ""), "info", {"store": "admission"}),
        (OutcomeSealed("acme", "r-1", "add it"), "error", {"request_id": "r-1", "reason": "add it"}),
    ],
)
def test_occurrences_have_fitting_levels_and_fields(
    configure: Callable[..., Log], occurrence: Any, level: str, fields: dict[str, Any]
) -> None:
    log = configure("info")

    observer([0.0]).observe(occurrence)

    [line] = log.lines
    assert line["level"] == level
    assert line.items() >= fields.items()


def test_a_flood_is_logged_once_with_how_often_it_was_left_out(configure: Callable[..., Log]) -> None:
    log = configure("info")
    seconds = [0.0]
    told = observer(seconds)

    for number in range(1000):
        told.observe(RecordRejected(Code.UNDECODABLE, 0, number))
    seconds[0] = REPEAT_S
    told.observe(RecordRejected(Code.UNDECODABLE, 0, 1000))

    assert [line.get("left_out") for line in log.lines] == [None, 999]


def test_a_flood_of_one_kind_does_not_hide_another(configure: Callable[..., Log]) -> None:
    log = configure("info")
    told = observer([0.0])

    for tenant in ("acme", "acme", "globex"):
        told.observe(LimitRefused(tenant, Code.LIMIT_REQUESTS))

    assert [line["tenant"] for line in log.lines] == ["acme", "globex"]


# -- the canary


class Strict(BaseModel):
    number: int


def quoting_error() -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        Strict.model_validate({"number": CANARY})
    assert CANARY in str(raised.value)
    return raised.value


async def abandoned_task() -> None:
    """A task whose exception nobody fetches: asyncio logs its repr."""

    async def fails() -> None:
        raise ValueError(CANARY)

    task = asyncio.ensure_future(fails())
    await asyncio.wait([task])
    del task
    gc.collect()


async def leak_in_every_way_we_know() -> None:
    log, error = structlog.get_logger("penstock"), quoting_error()
    told = observer([0.0], "debug")
    told.observe(Fault("execution", repr(error)))
    told.observe(Fault("admission", f"{CANARY} and nothing else"))
    for name in sorted(logs.CONTENT_FIELDS):
        log.info("a field", **{name: CANARY})
    log.error("an exception in a field", cause=error)
    log.error("an exception", exc_info=error)
    log.info(
        "keys", header=f"Authorization: Bearer {KEY}", url=f"redis://:{KEY}@host:1", note=f"api_key={KEY}"
    )
    log.info("a key in the text: %s", KEY)
    logging.getLogger("mode.services").error("Crashed reason=%r", error, exc_info=error)
    logging.getLogger("aiohttp.server").error("Error handling request", exc_info=error)
    logging.getLogger("openai").debug("Request options: %s", {"json_data": CANARY})
    logging.getLogger("openai.agents").error("Error in tool: %s", CANARY)
    logging.getLogger("aiokafka.conn").debug("Request %s", CANARY)
    logging.getLogger("aiokafka.producer").info("Sending %s", CANARY)
    logging.getLogger("httpx2").info("HTTP Request: POST %s", CANARY)
    logging.getLogger("an.agents.library").debug("Called with %s", CANARY)
    await abandoned_task()


@pytest.mark.parametrize("style", ["json", "console"])
async def test_no_prompt_output_or_key_is_ever_logged(
    configure: Callable[..., Log], style: logs.Style
) -> None:
    log = configure("debug", style)

    await leak_in_every_way_we_know()

    assert CANARY not in log.text
    assert KEY not in log.text
    assert "0123456789abcdef" not in log.text
    for event in ("an error of ours", "Crashed reason=", "Task exception was never retrieved"):
        assert event in log.text, "the canary test must see the lines it is about"
