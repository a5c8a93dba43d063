"""`penstock usage` on a real Kafka: what stands on the topics, committed, is what it says."""

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from schemas.codec import encode
from schemas.partitions import partition_for
from schemas.usage import UsageRecord, UsageState
from streams.topics import REQUESTS, RESPONSES, TENANTS, USAGE
from tests.broker.crew import Crew, request
from tests.broker.stand_in_desk import write
from tests.broker.stand_in_worker import PARTITIONS, StandIn
from tests.doubles.used import asked, response, usage

EDGE = datetime(2026, 10, 31, 18, 15, tzinfo=UTC)  # midnight in Kathmandu: November begins
MOMENT = timedelta(milliseconds=1)


def place(tenant: str) -> int:
    return partition_for(tenant.encode(), PARTITIONS)


async def book(stand_in: StandIn, *records: UsageRecord) -> None:
    rows = [(one.tenant_id.encode(), encode(one), place(one.tenant_id)) for one in records]
    await write(stand_in, USAGE, rows)


async def abort(stand_in: StandIn, record: UsageRecord) -> None:
    """Write it in a transaction that fails."""
    writer = AIOKafkaProducer(
        bootstrap_servers=stand_in.kafka.bootstrap, transactional_id=f"{stand_in.kafka.app_id}-aborts"
    )
    await writer.start()
    try:
        await writer.begin_transaction()
        key = record.tenant_id.encode()
        await writer.send_and_wait(stand_in.name(USAGE), encode(record), key, place(record.tenant_id))
        await writer.abort_transaction()
    finally:
        await writer.stop()


async def plan(stand_in: StandIn, tenant: str, **quota: Any) -> None:
    value = orjson.dumps({"tenant_id": tenant, "quota": quota})
    await write(stand_in, TENANTS, [(tenant.encode(), value, place(tenant))])


def rows_of(text: str, *names: str) -> Sequence[tuple[Any, ...]]:
    """Of a JSON answer."""
    return [tuple(row[name] for name in names) for row in json.loads(text)["rows"]]


async def test_usage_is_told_by_day_agent_model_and_user(stand_in: StandIn) -> None:
    await plan(stand_in, "acme", time_zone="Asia/Kathmandu")
    lost = usage("r-2/m0", agent="billing", state=UsageState.UNKNOWN, at=EDGE)
    await book(
        stand_in,
        usage("r-1/m0", at=EDGE - MOMENT),
        usage("r-1/m1", at=EDGE, model="large", cost_usd=Decimal("0.002")),
        usage("r-1/m1", at=EDGE, model="large", cost_usd=Decimal("0.002")),
        lost,
        usage("r-9/m0", "globex", at=EDGE),
    )
    await abort(stand_in, usage("r-3/m0", input_tokens=1_000_000))
    await write(stand_in, USAGE, [(b"acme", b"no usage", place("acme"))])
    for one in (asked("r-1", "ann"), asked("r-2", None)):
        await write(stand_in, REQUESTS, [(one.key, one.value, place("acme"))])

    acme = ("usage", "--tenant", "acme", "--json")
    days = await stand_in.run(*acme)
    models = await stand_in.run(*acme, "--by", "model")
    agents = await stand_in.run("usage", "--by", "agent", "--csv")
    users = await stand_in.run("usage", "-t", "acme", "-t", "globex", "--by", "user", "--json")
    table = await stand_in.run("usage", "--by", "tenant")

    assert rows_of(days.out, "day", "calls", "tokens", "cost_usd") == [
        ("2026-10-31", 1, 12, "0.01"),
        ("2026-11-01", 1, 12, "0.002"),
    ]
    total = json.loads(days.out)["total"]
    assert (total["tokens"], total["cost_usd"], total["unknown"]["tokens"]) == (24, "0.012", 12)
    assert "1 record cannot be read and was skipped" in days.err
    assert "1 records repeat a call that is counted already" in days.err
    assert rows_of(models.out, "model", "calls") == [("large", 1), ("small", 1)]
    found = [(row["tenant_id"], row["agent"], row["calls"], row["unknown_calls"])
             for row in csv.DictReader(StringIO(agents.out))]  # fmt: skip
    assert found == [
        ("acme", "billing", "0", "1"),
        ("acme", "support", "2", "0"),
        ("globex", "support", "1", "0"),
    ]
    assert rows_of(users.out, "tenant_id", "user", "user_known", "calls") == [
        ("acme", None, True, 0),
        ("acme", "ann", True, 2),
        ("globex", None, False, 1),
    ]
    assert "of 1 calls the user is not known" in users.err
    heading, first, second, last = (line.split() for line in table.out.splitlines())
    assert heading[:3] == ["tenant", "calls", "input"]
    assert (first[:2], second[:2], last[:2]) == (["acme", "2"], ["globex", "1"], ["total", "3"])
    assert {days.code, models.code, agents.code, users.code, table.code} == {0}


async def test_of_a_span_only_what_was_used_then_is_told(stand_in: StandIn) -> None:
    await plan(stand_in, "acme", time_zone="Asia/Kathmandu")
    moments = [EDGE - MOMENT, EDGE, EDGE + timedelta(days=1) - MOMENT, EDGE + timedelta(days=1)]
    await book(stand_in, *(usage(f"r/{at}", at=at) for at in moments))

    day = await stand_in.run("usage", "--since", "2026-11-01", "--until", "2026-11-02", "--json")
    month = await stand_in.run("usage", "--month", "2026-11", "--json")
    past = await stand_in.run("usage", "--until", "2026-10-01")
    future = await stand_in.run("usage", "--since", "2100-01-01T00:00:00Z", "--csv")

    assert rows_of(day.out, "day", "calls") == [("2026-11-01", 2)]
    assert rows_of(month.out, "day", "calls") == [("2026-11-01", 2), ("2026-11-02", 1)]
    assert (past.code, past.out, past.err) == (0, "", "no usage of what you asked for\n")
    assert (future.code, len(future.out.splitlines())) == (0, 1)


async def test_quotas_are_rebuilt_to_the_token(stand_in: StandIn) -> None:
    await plan(stand_in, "acme", runs=4, tokens=100, time_zone="Asia/Kathmandu")
    await book(
        stand_in,
        usage("acme%2Fr-1%2F0/m0.1", request_id="r-1", at=EDGE - MOMENT),
        usage("acme%2Fr-2%2F0/m0.1", request_id="r-2", at=EDGE),
        usage("acme%2Fr-2%2F0/m0.1", request_id="r-2", at=EDGE),
        usage("acme%2Fr-3%2F0/m0.1", request_id="r-3", at=EDGE, input_tokens=75),
        usage("g", "globex", at=EDGE + timedelta(days=3)),
    )
    answer = response("r-2", admitted_at=EDGE)
    await write(stand_in, RESPONSES, [(b"acme", encode(answer), place("acme"))])

    found = await stand_in.run("usage", "--rebuild", "--month", "2026-11", "--json")
    table = await stand_in.run("usage", "--rebuild", "--month", "2026-11", "--tenant", "acme")

    acme, globex = map(json.loads, found.out.splitlines())
    assert acme["tokens"] == {
        "used": 89, "limit": 100, "with_overdraft": 100, "percent": 89.0, "alerts": [50, 80]
    }  # fmt: skip
    assert (acme["runs"]["used"], acme["runs"]["percent"], acme["cost_usd"]["used"]) == (2, 50.0, "0.02")
    assert (globex["tenant_id"], globex["tokens"]["used"], globex["tokens"]["limit"]) == ("globex", 12, None)
    assert "89 of 100 (89.0 %)" in table.out
    assert "globex" not in table.out


async def test_what_real_workers_book_is_what_their_responses_say(crew: Crew) -> None:
    await crew.ready(crew.start())
    cli = StandIn(crew.kafka)
    names = [(f"{tenant}-{n}", tenant) for n in range(5) for tenant in ("acme", "globex")]
    await crew.send(*(request(*name) for name in names))
    answers = await crew.responses_to([request_id for request_id, _ in names])

    told = await cli.run("usage", "--by", "tenant", "--json")
    rebuilt = await cli.run("usage", "--rebuild", "--json")

    quotas = {one["tenant_id"]: one for one in map(json.loads, rebuilt.out.splitlines())}
    rows = {row["tenant_id"]: row for row in json.loads(told.out)["rows"]}
    for tenant in ("acme", "globex"):
        paid = [answers[request_id]["usage"] for request_id, whose in names if whose == tenant]
        tokens = sum(one["input_tokens"] + one["output_tokens"] for one in paid)
        assert quotas[tenant]["runs"]["used"] == 5
        assert quotas[tenant]["tokens"]["used"] == rows[tenant]["tokens"] == tokens > 0
        assert rows[tenant]["calls"] == sum(one["model_calls"] for one in paid)
        cost = sum(Decimal(one["cost_usd"]) for one in paid)
        assert Decimal(quotas[tenant]["cost_usd"]["used"]) == Decimal(rows[tenant]["cost_usd"]) == cost


async def test_usage_of_times_to_come_is_found_though_it_was_written_before(stand_in: StandIn) -> None:
    await book(stand_in, usage("r/1", at=datetime(2100, 12, 31, 23, tzinfo=UTC)))

    month = await stand_in.run("usage", "--month", "2100-12", "--json")
    quotas = await stand_in.run("usage", "--rebuild", "--month", "2100-12", "--json")

    assert rows_of(month.out, "day", "calls") == [("2100-12-31", 1)]
    assert json.loads(quotas.out)["tokens"]["used"] == 12
