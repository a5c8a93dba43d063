"""The pytest plugin that comes with Penstock: its fixtures, and no test asks a real model by mistake."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # imported when a test needs them: pytest loads this file in every session
    from agents_defs.testing.model_guard import ModelGuard
    from agents_defs.testing.recorded_model import RecordedModel
    from agents_defs.testing.scripted_model import ScriptedModel
    from app.testing.stream import StreamTest

FIXTURES = {"stream_test", "scripted_model", "recorded_model"}
GUARD: pytest.StashKey[ModelGuard] = pytest.StashKey()
MODELS: pytest.StashKey[list[ScriptedModel | RecordedModel]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """The one marker."""
    config.addinivalue_line("markers", "live: asks a real model")


@pytest.fixture
def scripted_model(request: pytest.FixtureRequest) -> ScriptedModel:
    """A model that says what the test writes down; a turn too few or too many fails the test."""
    from agents_defs.testing.scripted_model import ScriptedModel

    model = ScriptedModel()
    request.node.stash[MODELS].append(model)
    return model


@pytest.fixture
def recorded_model(request: pytest.FixtureRequest) -> Callable[[str], RecordedModel]:
    """Gives the model of a recorded run: recorded_model("run.json"), a file beside the test's."""
    from agents_defs.authoring.recorded_run import Unreadable
    from agents_defs.testing.recorded_model import RecordedModel

    def opened(file: str) -> RecordedModel:
        try:
            model = RecordedModel(request.path.parent / file)
        except Unreadable as error:
            pytest.fail(str(error), pytrace=False)
        request.node.stash[MODELS].append(model)
        return model

    return opened


@pytest.fixture
def stream_test(scripted_model: ScriptedModel) -> StreamTest:
    """The whole stream in memory, with the agents that are registered and the model `scripted_model`."""
    from app.authoring.choosing import registered
    from app.settings import load
    from app.testing.stream import StreamTest

    return StreamTest(scripted_model, registered(load()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """From the first fixture of a test to the last, nobody asks a real model; unless it is marked `live`."""
    if item.get_closest_marker("live"):
        return (yield)
    from agents_defs.testing.model_guard import ModelGuard

    guard = item.stash[GUARD] = ModelGuard()
    guard.stand()
    try:
        return (yield)
    finally:
        guard.leave()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Fixtures may not, either."""
    item.stash[MODELS] = []  # here: some plugins run a test several times
    return _judged((yield), item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test that passed fails for what its models were asked, and one that failed says so, too."""
    try:
        result = yield
    except Exception as error:
        _judge_guard(item)
        for model in item.stash[MODELS]:
            if model.unscripted:
                error.add_note(model.unscripted)
        raise
    for model in item.stash[MODELS]:
        complaint = model.unscripted or model.unused
        if complaint:
            _judge_guard(item)
            pytest.fail(complaint, pytrace=False)
    return _judged(result, item)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs coroutine tests that use our fixtures, where no other plugin does."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test) or not FIXTURES & set(pyfuncitem.fixturenames):
        return None
    names = inspect.signature(test).parameters
    given: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in names if name in pyfuncitem.funcargs}
    asyncio.run(test(**given))
    return True


def _judged(result: object, item: pytest.Item) -> object:
    _judge_guard(item)
    return result


def _judge_guard(item: pytest.Item) -> None:
    guard = item.stash.get(GUARD, None)
    if guard is not None and guard.complaint:
        pytest.fail(guard.complaint, pytrace=False)
