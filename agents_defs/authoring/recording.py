"""Models that are asked as ever while their answers are written down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from agents import Model, ModelResponse

from agents_defs.authoring.recorded_run import RecordedRun, RecordedTurn, question_of
from agents_defs.model_access import ModelAccess, NamedModel, Probe
from agents_defs.streamed_answer import StreamedAnswer
from agents_defs.wrapped_model import WrappedModel


class HasSecret(ValueError):
    """What was recorded holds a key."""


class RecordingAccess(ModelAccess):
    """Another access, whose models' answers go into a recorded run."""

    def __init__(self, models: ModelAccess, run: RecordedRun) -> None:
        self._models = models
        self._secrets: set[str] = set()
        self.names: set[str] = set()  # of the models that are listened to
        self.run = run

    def text(self) -> str:
        """The file. Raises HasSecret where a key of the models stands in it."""
        text = self.run.text()
        if any(secret and secret in text for secret in self._secrets):
            raise HasSecret("the run holds a model's API key, in a question, a tool's result or an answer")
        return text

    def tier(self, tier: str) -> NamedModel:
        return self._recorded(self._models.tier(tier))

    def named(self, name: str) -> NamedModel:
        return self._recorded(self._models.named(name))

    def fallbacks(self, _name: str) -> tuple[str, ...]:
        return self._models.fallbacks(_name)

    def settings(self, _tier: str) -> Mapping[str, Any]:
        return self._models.settings(_tier)

    async def probe(self) -> tuple[Probe, ...]:
        return await self._models.probe()

    async def close(self) -> None:
        await self._models.close()

    def _recorded(self, named: NamedModel) -> NamedModel:
        self._secrets.update(named.secrets)
        self.names.add(named.name)
        return replace(named, model=RecordingModel(named.model, self.run))


class RecordingModel(WrappedModel):
    """One of them. Calls that fail are not written down: who replays is answered at once."""

    def __init__(self, inner: Model, run: RecordedRun) -> None:
        super().__init__(inner)
        self._run = run

    async def get_response(self, *positional: Any, **named: Any) -> ModelResponse:
        asked = question_of(positional)
        answer = await self._inner.get_response(*positional, **named)
        self._run.turns.append(RecordedTurn(asked, answer))
        return answer

    async def stream_response(self, *positional: Any, **named: Any) -> AsyncIterator[Any]:
        asked, whole = question_of(positional), StreamedAnswer()
        async for event in self._inner.stream_response(*positional, **named):
            whole.take(event)
            if (answer := whole.response()) is not None:  # noted before whoever listens goes on
                self._run.turns.append(RecordedTurn(asked, answer))
                whole = StreamedAnswer()
            yield event
