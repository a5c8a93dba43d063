"""How a dead letter is replayed, and what is said before."""

import pytest

from app.operators.letters import Letter
from app.operators.replay_steps import UNMENDED, Outlook, Way, plan
from schemas.dead_letters import DeadLetter, DeadLetterSource
from schemas.failures import FAILURES, Code, Failure
from tests.doubles.operated import REQUESTS, letter


def found(one: DeadLetter, offset: int = 0) -> Letter:
    return Letter(one, b"acme", 0, offset)


@pytest.mark.parametrize(
    "row", [row for row in FAILURES.values() if row.outcome in ("failed", "dead_letter")]
)
def test_a_failed_request_runs_again_and_what_was_not_taken_is_sent_again(row: Failure) -> None:
    (step,) = plan([found(letter(1, row.code))], REQUESTS)

    failed = row.outcome == "failed"
    assert step.way is (Way.RUN_AGAIN if failed else Way.SEND_AGAIN)
    assert len(Outlook.of([step]).warnings()) == (0 if failed else 1)


def test_each_code_that_is_sent_again_has_its_warning() -> None:
    assert set(UNMENDED) == {row.code for row in FAILURES.values() if row.outcome == "dead_letter"}


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (letter(1).model_copy(update={"code": "from_the_future"}), "does not know the code from_the_future"),
        (letter(1, source=DeadLetterSource(topic="other", partition=0, offset=1)), "it comes from other"),
        (letter(1, tenant_id=None), "cannot be replayed"),
        (letter(1, Code.LIMIT_REQUESTS), "cannot be replayed"),
    ],
)
def test_what_cannot_be_replayed_is_left_alone_and_it_is_said_why(one: DeadLetter, why: str) -> None:
    (step,) = plan([found(one)], REQUESTS)

    assert (step.way, why in step.why) == (Way.CANNOT, True)


def test_each_letter_is_replayed_once_the_oldest_first() -> None:
    letters = [found(letter(offset), place) for place, offset in enumerate((3, 1, 2, 3))]

    assert [step.letter.letter.source.offset for step in plan(letters, REQUESTS)] == [1, 2, 3]


def test_a_plan_is_summed_up() -> None:
    codes = (Code.INTERNAL, Code.UNDECODABLE, Code.UNDECODABLE, Code.LIMIT_REQUESTS)
    steps = plan([found(letter(offset, code)) for offset, code in enumerate(codes)], REQUESTS)

    assert Outlook.of(steps).summary() == (
        "1 run again as the next generation, 2 sent again as a new record, 1 left alone"
    )
    assert Outlook.of(steps).warnings() == [
        "2 letters undecodable: the same bytes are dead-lettered again, unless the workers read them by now"
    ]
