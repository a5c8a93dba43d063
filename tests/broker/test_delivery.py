"""Whatever is killed, each request is answered once, nothing is lost, and lag returns to zero."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import redis
from aiokafka import AIOKafkaProducer

from app.simulator.server import RunningSimulator
from schemas.partitions import partition_for
from tests.broker.crew import Crew, Sent, request, tenants_of, until
from tests.broker.test_plan_limits import planned
from tests.broker.worker_process import MUTANTS

HELD_UP_S = 5.0  # 2 on an idle machine; a transaction that nobody ends stays open for 10 and more
FEW_COMMITS_S = 6.0  # one a second; thirty transactions would take thirty
LAST_MARKER = 1  # the end of the last transaction is no record
ELSEWHERE = {"dies_before_adding"}  # only sessions in a database have that point: test_sql_sessions.py
DEATHS = [name for name in MUTANTS if name.startswith("dies") and name not in ELSEWHERE]


@pytest.mark.parametrize("death", DEATHS)
async def test_a_worker_that_dies_at_this_point_leaves_nothing_undone_and_nothing_twice(
    crew: Crew, death: str
) -> None:
    dying = crew.start(death, worker_id="w")  # its successor takes over the name, and does not wait
    records = [request(f"r-{number}", session_id="s") for number in range(3)]
    bad, other_body = Sent(b"rubbish", b"acme"), request("r-0", text="another body")
    places = await crew.send(*records, bad, other_body)
    await dying.ended()

    crew.start(worker_id="w")

    answered = await crew.answered(3, within_s=40)
    assert {one["status"] for one in answered.values()} == {"completed"}
    letters = await crew.letters_for(places[3:])
    assert [one["code"] for one in letters] == ["undecodable", "duplicate_conflict"]
    await crew.caught_up()
    assert len(await crew.read("responses")) == 3
    assert len(await crew.read("deadletter")) == 2


async def test_a_killed_worker_s_transaction_holds_up_its_successor_for_seconds_only(crew: Crew) -> None:
    dying = crew.start("dies_in_its_transaction")
    await crew.send(request("r-1"))
    await dying.ended()
    successor = crew.start()

    await crew.answered(1, within_s=40)

    (opened,) = [
        line["seconds"]
        for line in successor.lines("a partition is open")
        if line["partition"] == partition_for(b"acme", crew.kafka.partitions)
    ]
    assert 0.5 < opened < HELD_UP_S  # it was held up, and ended it


@pytest.mark.parametrize(("mutant", "loses"), [(None, False), ("acks_out_of_order", True)])
async def test_a_slow_head_survives_a_kill_because_acks_stand_in_order(
    crew: Crew, models: RunningSimulator, mutant: str | None, loses: bool
) -> None:
    first = crew.start(*([mutant] if mutant else []), worker_id="w")
    await crew.send(
        request("slow", text="[[sim: latency_ms=60000]]"),
        *(request(f"fast-{number}") for number in range(3)),
    )
    await crew.answered(3)
    await until(lambda: models.in_flight == 1)
    await asyncio.sleep(1.5)  # Faust commits what is acknowledged once a second
    first.kill()

    crew.start(worker_id="w")

    if loses:
        await crew.caught_up()
        assert models.in_flight == 0  # nobody runs the slow one any more, and nobody ever will
        assert set(await crew.answered(3)) == {"fast-0", "fast-1", "fast-2"}
    else:
        await until(lambda: models.in_flight == 1, why=lambda: crew.workers[-1].log[-2000:])
        assert await crew.lag() > 0


@pytest.mark.parametrize("workers", [1, 3])
async def test_kills_at_random_lose_nothing_and_duplicate_nothing(
    crew: Crew, models: RunningSimulator, workers: int
) -> None:
    chance = random.Random(workers)
    names = [f"w-{number}" for number in range(workers)]
    running = {name: crew.start(worker_id=name) for name in names}
    good = 100
    batch: list[Sent] = []
    for number in range(good):
        text = f"[[sim: latency_ms={chance.choice([0, 5, 40, 200])}]]"
        batch.append(request(f"r-{number}", f"t-{number % 11}", text, session_id=chance.choice([None, "s"])))
        if number % 10 == 0:
            batch.append(Sent(b"rubbish %d" % number, b"t-%d" % (number % 11)))
        if number % 15 == 0:
            batch.append(
                replace(batch[-1]) if number % 2 else request(f"r-{number}", f"t-{number % 11}", "?")
            )

    sending = asyncio.ensure_future(crew.send(*batch[: len(batch) // 2]))
    for kill in range(1 if workers == 1 else 2):
        await until(lambda kill=kill: models.calls > 20 * (kill + 1), 40)  # type: ignore[misc]  # bound at once
        name = chance.choice(names)
        running[name].kill()
        running[name] = crew.start(worker_id=name)
    await sending
    await crew.send(*batch[len(batch) // 2 :])

    responses = await crew.responses(good, within_s=60)
    await crew.caught_up()
    answered = Counter((one["tenant_id"], one["request_id"]) for one in await responses_now(crew))
    assert len(responses) >= good
    assert [key for key, times in answered.items() if times > 1] == []
    assert len(answered) == good
    letters = [one["source"]["offset"] * 100 + one["source"]["partition"] for one in await letters_now(crew)]
    assert len(letters) == len(set(letters))
    assert Counter(one["code"] for one in await letters_now(crew))["undecodable"] == 10


async def responses_now(crew: Crew) -> list[dict[str, Any]]:
    return await crew.responses(0)


async def letters_now(crew: Crew) -> list[dict[str, Any]]:
    return await crew.dead_letters(0)


async def test_what_was_answered_is_not_run_again_after_a_restart_nor_after_redis_was_emptied(
    crew: Crew, models: RunningSimulator
) -> None:
    for number in range(5):
        await planned(crew, f"t-{number}", limits=[])  # a limit would be taken for full
    first = crew.start(worker_id="w")
    await crew.send(*(request(f"r-{number}", f"t-{number % 5}") for number in range(20)))
    await crew.answered(20)
    await crew.caught_up()
    first.terminate()
    assert await first.ended() == 0

    crew.start(worker_id="w")
    await crew.send(*(request(f"r-{number}", f"t-{number % 5}") for number in range(20)))
    await crew.caught_up()
    with redis.Redis.from_url(crew.redis_url) as client:
        client.flushdb()
    await crew.send(
        *(request(f"r-{number}", f"t-{number % 5}") for number in range(20)),
        *(request(f"new-{number}", f"t-{number}") for number in range(5)),
    )

    await crew.answered(25)
    await crew.caught_up()
    assert models.calls == 25
    assert len(await crew.read("responses")) == 25


async def test_what_an_aborted_transaction_wrote_is_never_run(crew: Crew, models: RunningSimulator) -> None:
    crew.start()
    topic, acme = crew.topic("requests"), request("never")
    async with AIOKafkaProducer(
        bootstrap_servers=crew.kafka.bootstrap, transactional_id=f"{crew.kafka.app_id}.producer"
    ) as producer:
        async with producer.transaction():
            await producer.send_and_wait(topic, request("before").value, key=b"acme")
        await producer.begin_transaction()
        await producer.send_and_wait(topic, acme.value, key=b"acme")
        await producer.send_and_wait(topic, b"rubbish", key=b"acme")
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic, request("after").value, key=b"acme")

    answered = await crew.answered(2)

    assert set(answered) == {"before", "after"}
    assert await crew.read("deadletter") == []
    assert models.calls == 2


async def test_requests_that_come_in_transactions_are_committed_as_soon_as_they_are_answered(
    crew: Crew,
) -> None:
    crew.start(delivery="plain")  # there it is Faust alone who commits
    topic, sent = crew.topic("requests"), []
    async with AIOKafkaProducer(
        bootstrap_servers=crew.kafka.bootstrap, transactional_id=f"{crew.kafka.app_id}.producer"
    ) as producer:
        for number in range(30):
            async with producer.transaction():
                record = request(f"r-{number}")
                sent.append(await producer.send_and_wait(topic, record.value, key=record.key))
    await crew.answered(30)

    async with asyncio.timeout(FEW_COMMITS_S):
        while await crew.lag() > LAST_MARKER:
            await asyncio.sleep(0.1)

    assert sent[-1].offset == 58  # there is a marker between each two


async def test_hundreds_run_side_by_side_on_two_partitions(crew: Crew, models: RunningSimulator) -> None:
    crew.start(max_in_flight=600)
    one, other = tenants_of(0, 1)[0], tenants_of(1, 1)[0]

    await crew.send(
        *(
            request(f"r-{number}", (one, other)[number % 2], "[[sim: hang]]", session_id=f"s-{number}")
            for number in range(500)
        )
    )

    await until(lambda: models.in_flight == 500, 40, lambda: f"{models.in_flight} are in flight")


async def test_no_more_run_or_are_held_than_allowed_and_everything_is_answered(
    crew: Crew, models: RunningSimulator
) -> None:
    crew.start(max_in_flight=5, max_held=10)
    await crew.send(*(request(f"r-{number}", text="[[sim: latency_ms=30]]") for number in range(100)))
    most, done = 0, asyncio.ensure_future(crew.answered(100))
    while not done.done():
        most = max(most, models.in_flight)
        await asyncio.sleep(0.002)

    assert len(await done) == 100
    assert most == 5
    await crew.caught_up()


async def test_requests_of_a_session_run_in_order_and_one_at_a_time(
    crew: Crew, models: RunningSimulator
) -> None:
    crew.start()
    text = "[[sim: latency_ms=20]]"
    sessions = [f"s-{number}" for number in range(6)]

    await crew.send(
        *(
            request(f"{session}-{number}", "acme", text, session_id=session)
            for number in range(8)
            for session in sessions
        )
    )

    responses = await crew.responses(48)
    for session in sessions:
        mine = [one for one in responses if one.get("session_id") == session]
        assert [one["request_id"] for one in mine] == [f"{session}-{number}" for number in range(8)]
        spans = [(one["started_at"], one["finished_at"]) for one in mine]
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert {one["memory"] for one in mine} == {"kept"}


async def test_plain_delivery_answers_on_a_broker_used_without_transactions(crew: Crew) -> None:
    worker = crew.start(delivery="plain")
    await crew.send(*(request(f"r-{number}") for number in range(10)), Sent(b"rubbish", b"acme"))

    await crew.answered(10)
    await crew.dead_letters(1)
    await crew.caught_up()

    assert "plain delivery: run one worker only" in worker.log
