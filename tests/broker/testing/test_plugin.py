"""The pytest plugin in a project of its own, as somebody has it who only installed Penstock."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ("pytester",)
pytestmark = pytest.mark.timeout(180)  # projects of their own, in processes of their own

AGENT = '''
import openai
import pytest
from agents import Agent, OpenAIResponsesModel, function_tool
from agents_defs.authoring.testing import answer_of
from agents_defs.registry import AgentSpec

@function_tool
async def water_level(place: str) -> str:
    """Tells the water level at a place."""
    return f"4.2 m at {place}"

def build():
    return Agent(name="gauge", instructions="You tell water levels.", tools=[water_level])

SPEC = AgentSpec(name="gauge", version=1, build=build)

def real():
    return OpenAIResponsesModel("gpt-5.4", openai.AsyncOpenAI(api_key="sk-none", max_retries=0))
'''

SOUND = """
from gauge import *

async def test_a_coroutine_needs_no_other_plugin(stream_test, scripted_model):
    scripted_model.calls("water_level", {"place": "Linz"}).says("4.2 m")
    stream_test.register(SPEC)
    await stream_test.send("gauge", "How high?")
    await stream_test.settle()
    assert stream_test.response("r-1").text == "4.2 m"
    assert "4.2 m at Linz" in scripted_model.asked[1].text

async def test_registered_agents_are_there(stream_test, scripted_model):
    scripted_model.says("Hello.")
    await stream_test.send("support", "Good morning!")
    await stream_test.settle()
    assert stream_test.response("r-1").completed()

def test_a_server_on_this_machine_may_be_asked():
    client = openai.OpenAI(api_key="none", base_url="http://127.0.0.1:9/v1", max_retries=0)
    with pytest.raises(openai.APIConnectionError):
        client.models.list()
"""

WRONG = """
from gauge import *

async def test_a_turn_is_left(scripted_model):
    scripted_model.says("One.").calls("water_level", {})

async def test_a_turn_is_missing(stream_test, scripted_model):
    stream_test.register(SPEC)
    await stream_test.send("gauge", "How high?")
    await stream_test.settle()

async def test_a_turn_is_missing_and_so_the_test_fails(stream_test, scripted_model):
    stream_test.register(SPEC)
    await stream_test.send("gauge", "How high?")
    await stream_test.settle()
    assert stream_test.response("r-1").status == "completed"

async def test_a_turn_is_meant_for_another(stream_test, scripted_model):
    stream_test.register(SPEC)
    scripted_model.says("I know.", when="You are the clerk")
    await stream_test.send("gauge", "How high?")
    await stream_test.settle()

async def test_a_real_model_is_asked_and_nobody_minds(stream_test):
    stream_test.model = real()
    stream_test.register(SPEC)
    await stream_test.send("gauge", "How high?")
    await stream_test.settle()

def test_a_real_model_is_asked_and_the_error_is_seen():
    openai.OpenAI(api_key="sk-none").models.list()

@pytest.fixture
def asks():
    with pytest.raises(Exception):
        openai.OpenAI(api_key="sk-none").models.list()

def test_a_fixture_asks(asks):
    pass

def test_no_run_was_recorded(recorded_model):
    recorded_model("none.json")
"""

LIVE = """
from gauge import *

@pytest.mark.live
def test_who_is_marked_asks():
    assert "ModelGuard" not in openai.AsyncOpenAI.request.__qualname__

def test_who_is_not_marked_does_not():
    assert "ModelGuard" in openai.AsyncOpenAI.request.__qualname__
"""


def run(pytester: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(gauge=AGENT, test_it=test)
    pytester.makeini("[pytest]\npythonpath = .\n")
    return pytester.runpytest_subprocess("-W", "ignore", "-p", "no:cacheprovider", *options)


def test_its_fixtures_are_there_without_any_configuration(pytester: pytest.Pytester) -> None:
    ran = run(pytester, SOUND, "-p", "no:asyncio")

    ran.assert_outcomes(passed=3)


def test_beside_pytest_asyncio_in_its_modes(pytester: pytest.Pytester) -> None:
    ran = run(pytester, SOUND, "-o", "asyncio_mode=auto")

    ran.assert_outcomes(passed=3)


def test_what_models_were_asked_and_were_not_fails_a_test_in_a_line(pytester: pytest.Pytester) -> None:
    ran = run(pytester, WRONG)

    ran.assert_outcomes(failed=7, errors=1)
    said = ran.stdout.str()
    for line in (
        "the model was not asked for 2 of 2 scripted turns: says('One.'), calls(water_level). Remove them",
        "the model was asked more often than the 0 turns scripted, by an agent told 'You tell water "
        "levels.', which was asked 'How high?': add a turn for it",
        "no scripted turn is meant for an agent told 'You tell water levels.', which was asked 'How high?'; "
        "left are: says('I know.') when 'You are the clerk'",
        "the test would have asked a real model at https://api.openai.com/v1/: give the agent a model that",
        "there is no recorded run at",
        "record one with `penstock agents try NAME --record",
    ):
        assert line in said, line
    assert said.count("\nthe test would have asked a real model at") == 3


def test_who_is_marked_live_may_ask(pytester: pytest.Pytester) -> None:
    ran = run(pytester, LIVE, "--strict-markers")

    ran.assert_outcomes(passed=2)


def test_the_fixtures_are_told_to_who_asks_for_them(pytester: pytest.Pytester) -> None:
    ran = run(pytester, SOUND, "--fixtures")

    ran.stdout.fnmatch_lines(["stream_test*", "*The whole stream in memory*"])


def test_the_kit_needs_nothing_of_our_own_tests() -> None:
    root = Path(__file__).parents[3]
    kit = [*(root / "app" / "testing").glob("*.py"), *(root / "agents_defs" / "testing").glob("*.py")]

    assert len(kit) > 15
    assert [path.name for path in kit if "tests." in path.read_text(encoding="utf-8")] == []
