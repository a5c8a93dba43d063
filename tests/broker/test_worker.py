"""The command as its users start and stop it."""

import asyncio
from typing import Any

import pytest

from app.brokers.redis import RedisServer
from app.simulator.server import RunningSimulator
from tests.broker.crew import COMMAND, Crew, request, until

NOBODY = "127.0.0.1:1"


async def test_the_command_answers_and_leaves_in_order(crew: Crew, models: RunningSimulator) -> None:
    worker = crew.start(command=COMMAND)
    await crew.ready(worker)
    asked = '[[sim: tool=lookup_order args={"order":7} text="It is at sea."]]'
    await crew.send(request("r-1", agent="support", text=asked, session_id="s", stream=True))
    answered = await crew.answered(1)

    worker.terminate()

    assert await worker.ended() == 0
    assert answered["r-1"]["output"] == "It is at sea."
    assert await crew.lag() == 0


async def test_a_stopping_worker_lets_its_runs_finish_and_takes_in_no_more(
    crew: Crew, models: RunningSimulator
) -> None:
    worker = crew.start()
    await crew.ready(worker)
    await crew.send(*(request(f"r-{number}", text="[[sim: latency_ms=2500]]") for number in range(5)))
    await until(lambda: models.in_flight == 5)

    worker.terminate()
    await until(lambda: worker.get("/readyz") == 503)
    await crew.send(request("later"))

    assert await worker.ended() == 0
    answered = await crew.answered(5)
    assert set(answered) == {f"r-{number}" for number in range(5)}
    assert await crew.lag() == 1
    assert models.calls == 5


async def test_what_does_not_finish_in_time_is_left_to_the_next_worker(
    crew: Crew, models: RunningSimulator
) -> None:
    worker = crew.start(drain_s=0.5)
    await crew.ready(worker)
    await crew.send(
        *(request(f"r-{number}", text="[[sim: hang]]", session_id="s") for number in range(3)),
    )
    await until(lambda: models.in_flight == 1)

    worker.terminate()

    assert await worker.ended() == 0
    await until(lambda: models.in_flight == 0)
    assert models.calls == 1  # its followers were not started on the way out
    assert await crew.lag() == 3


async def test_a_named_worker_that_was_killed_is_back_at_once(crew: Crew, models: RunningSimulator) -> None:
    crew.settings["PENSTOCK_SESSION_TIMEOUT_S"] = "30"
    first = crew.start(worker_id="w-1")
    await crew.ready(first)
    first.kill()
    second = crew.start(worker_id="w-1")

    await crew.send(request("r-1"))

    await crew.answered(1, within_s=20)  # well before its predecessor's session has run out
    assert second.alive()


async def test_redis_may_be_restarted_under_a_running_worker(
    crew: Crew, own_redis: RedisServer, models: RunningSimulator
) -> None:
    crew.redis_url = own_redis.start().url
    worker = crew.start()
    await crew.send(*(request(f"a-{number}", session_id="s") for number in range(5)))
    await crew.answered(5)

    own_redis.stop()
    await asyncio.to_thread(own_redis.restart)
    await crew.send(
        *(request(f"b-{number}", session_id="s") for number in range(5)), request("a-0", session_id="s")
    )

    answered = await crew.answered(10)
    await crew.caught_up()
    assert {one["memory"] for one in answered.values()} == {"kept"}
    assert models.calls == 10
    assert worker.alive()


async def test_a_part_that_dies_ends_the_worker_for_all_to_see(crew: Crew) -> None:
    worker = crew.start("admission_dies")
    await crew.send(request("r-1"))

    assert await worker.ended() == 1

    assert "ZeroDivisionError" in worker.log
    crew.start()
    await crew.answered(1, within_s=40)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("kafka_bootstrap", NOBODY, "no Kafka answers at"),
        ("redis_url", f"redis://:secret@{NOBODY}/0", "no Redis to write to at redis://127.0.0.1:1/0"),
        ("partitions", "7", "PENSTOCK_PARTITIONS is 7"),
        ("topic_prefix", "nothing.", "topics create"),
        ("app_id", "no blanks", "PENSTOCK_APP_ID"),
    ],
)
async def test_a_worker_that_cannot_start_says_why_in_one_line(
    crew: Crew, setting: str, value: str, said: str
) -> None:
    wrong: dict[str, Any] = {setting: value}
    worker = crew.start(command=COMMAND, **wrong)

    assert await worker.ended() == 2

    (line,) = [line for line in worker.log.splitlines() if said in line]
    assert "secret" not in worker.log
    assert "Traceback" not in worker.log
    assert line.count("\n") == 0
