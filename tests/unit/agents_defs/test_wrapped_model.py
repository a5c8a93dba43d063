"""What a model around another passes on, and that it is asked the same by place and by name."""

from __future__ import annotations

from typing import Any

from agents import ModelSettings, ModelTracing

from agents_defs.authoring.recorded_run import RecordedRun
from agents_defs.authoring.recording import RecordingModel
from agents_defs.model_request import as_asked


class Inner:
    """Notes what it is asked for."""

    flavour = "plain"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get_retry_advice(self, request: Any) -> str:
        return f"advice for {request}"

    async def close(self) -> None:
        self.asked.append("close")

    async def _cleanup_on_run_end(self, owner: object) -> None:
        self.asked.append(f"clean up after {owner}")


async def test_what_it_does_not_do_itself_the_other_does() -> None:
    inner: Any = Inner()
    around: Any = RecordingModel(inner, RecordedRun("tried"))

    await around._cleanup_on_run_end("run-1")
    await around.close()

    assert inner.asked == ["clean up after run-1", "close"]
    assert around.get_retry_advice("503") == "advice for 503"
    assert around.flavour == "plain"


def test_a_question_is_the_same_by_place_and_by_name() -> None:
    settings, tracing = ModelSettings(), ModelTracing.DISABLED
    named: dict[str, Any] = {"previous_response_id": "p", "conversation_id": "c", "prompt": None}

    by_place = as_asked("be kind", "hello", settings, [], None, [], tracing, **named)
    by_name = as_asked(
        tracing=tracing,
        handoffs=[],
        output_schema=None,
        tools=[],
        model_settings=settings,
        input="hello",
        system_instructions="be kind",
        **named,
    )

    assert by_place == by_name
    assert by_place.positional == ("be kind", "hello", settings, [], None, [], tracing)
    assert by_place.named == named
