"""`penstock tenants set`, `remove`, `import`, `export` and `diff` on a real Kafka."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner, Result

from app import cli
from app.adapters.kafka_plans import KafkaPlans
from app.commands import plans as commands
from app.operators import plan_standing
from app.operators.plan_change import Change
from app.operators.plan_press import PlanPress
from app.operators.plan_standing import Standing, read_standing
from schemas.partitions import partition_for
from streams.lifeline import Lifeline
from streams.observations import Observers
from streams.options import Delivery, KafkaOptions
from streams.plans import Plans
from streams.topics import AUDIT, TENANTS
from tests.broker.own_terminal import at_a_terminal
from tests.broker.stand_in_desk import write, written
from tests.broker.stand_in_worker import PARTITIONS, Ended, StandIn
from tests.broker.topic_reader import ends_of

ACME, GLOBEX, INITECH = (partition_for(key, PARTITIONS) for key in (b"acme", b"globex", b"initech"))
OTHERS = b'{"tenant_id":"acme","tier":"enterprise"}'
FILE = """\
tenants:
  acme:
    tier: pro
    limits:
    - {what: cost_usd, per: day, limit: '25', agent: research}
    - {what: requests, per: minute, limit: 600}
    quota: {tokens: 50000000, cost_usd: 250, time_zone: Europe/Berlin, overdraft: 0.1}
  globex:
    weight: 2.5
    agents: null
  '123': {}
"""
DELIVERIES: Sequence[Delivery] = ("transactional", "plain")


async def plans_of(stand_in: StandIn) -> dict[str, Any]:
    """What stands there in the end."""
    values = {record.key.decode(): record.value for record in await written(stand_in, TENANTS)}
    return {key: orjson.loads(value) for key, value in values.items() if value is not None}


async def audits_of(stand_in: StandIn) -> list[Any]:
    """All of them, as objects."""
    return [orjson.loads(record.value) for record in await written(stand_in, AUDIT)]


async def count(stand_in: StandIn) -> tuple[int, int]:
    """Records of plans, and of audits."""
    return len(await written(stand_in, TENANTS)), len(await written(stand_in, AUDIT))


async def run(stand_in: StandIn, *words: str, stdin: str = "") -> Ended:
    return await stand_in.run("tenants", *words, stdin=stdin)


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_plans_go_from_a_file_to_the_topic_and_back(
    stand_in: StandIn, tmp_path: Path, delivery: Delivery
) -> None:
    stand_in.env = {"PENSTOCK_DELIVERY": delivery}
    (tmp_path / "plans.yaml").write_text(FILE)

    differs = await run(stand_in, "diff", str(tmp_path / "plans.yaml"))
    first = await run(stand_in, "import", str(tmp_path / "plans.yaml"), "--actor", "ci")
    out = await run(stand_in, "export", "-o", str(tmp_path / "out.yaml"))
    same = await run(stand_in, "diff", str(tmp_path / "out.yaml"), "--prune")
    before = await count(stand_in)
    again = await run(stand_in, "import", "-", "--prune", stdin=(tmp_path / "out.yaml").read_text())
    printed = await run(stand_in, "export", "acme")

    assert (differs.code, same.code, same.out, out.code) == (1, 0, "", 0)
    assert "  + quota.tokens: 50000000\n" in differs.out
    assert (first.code, len(first.out.splitlines())) == (0, 3)
    assert (again.code, await count(stand_in)) == (0, before) == (0, (3, 3))
    assert (await plans_of(stand_in))["globex"] == {"tenant_id": "globex", "weight": 2.5, "agents": None}
    assert printed.out.splitlines()[1:4] == ["tenants:", "  acme:", "    tier: pro"]
    assert "cost_usd: '250'" in printed.out


async def test_each_plan_that_changes_is_audited_with_its_digests(stand_in: StandIn) -> None:
    await write(stand_in, TENANTS, [(b"acme", OTHERS, ACME)])

    done = await run(
        stand_in, "set", "acme", "tier=pro", "quota.tokens=5", "--actor", "ann", "--reason", "order 7"
    )
    same = await run(stand_in, "set", "acme", "tier=pro")
    gone = await run(stand_in, "remove", "acme", "--yes", "--actor", "bob")

    set_record, removal = (await written(stand_in, TENANTS))[1:]
    set_audit, removal_audit = await audits_of(stand_in)
    digest = sha256(set_record.value).hexdigest()
    assert (done.code, same.code, gone.code) == (0, 0, 0)
    assert "nothing to change" in same.err
    assert orjson.loads(set_record.value) == {"tenant_id": "acme", "tier": "pro", "quota": {"tokens": 5}}
    assert (removal.value, removal.partition) == (None, ACME)
    assert set_audit["audit_id"] == f"plan-{ACME}-{set_record.offset}"
    assert (set_audit["action"], set_audit["actor"], set_audit["tenant_id"]) == ("plan_set", "ann", "acme")
    assert (set_audit["before_sha256"], set_audit["after_sha256"]) == (sha256(OTHERS).hexdigest(), digest)
    assert (removal_audit["action"], removal_audit["actor"]) == ("plan_removed", "bob")
    assert (removal_audit["before_sha256"], removal_audit.get("after_sha256")) == (digest, None)
    first_audit = (await written(stand_in, AUDIT))[0]
    for record in (set_record, first_audit):
        assert dict(record.headers)["reason"] == b"order 7"
        assert "schema" in dict(record.headers)


async def test_fields_are_set_and_taken_out_and_a_file_replaces_them(
    stand_in: StandIn, tmp_path: Path
) -> None:
    later = b'{"tenant_id":"acme","paused":true,"x":1,"quota":{"runs":1,"overdraft":0.5},"tier":"free"}'
    await write(stand_in, TENANTS, [(b"acme", later, ACME)])
    (tmp_path / "plan.yaml").write_text("tier: pro\nweight: 3\n")

    by_field = await run(stand_in, "set", "acme", "quota.tokens=7", "--unset", "quota.overdraft")
    fields = (await plans_of(stand_in))["acme"]
    whole = await run(stand_in, "set", "acme", "--file", str(tmp_path / "plan.yaml"), "weight=4", "--json")
    plan = (await plans_of(stand_in))["acme"]

    assert (by_field.code, whole.code) == (0, 0)
    assert fields == {**orjson.loads(later), "quota": {"runs": 1, "tokens": 7}}
    assert plan == {"tenant_id": "acme", "tier": "pro", "paused": True, "weight": 4, "x": 1}
    assert orjson.loads(whole.out)["fields"]["weight"] == {"after": 4}


async def test_a_dry_run_shows_the_differences_and_writes_nothing(stand_in: StandIn, tmp_path: Path) -> None:
    await write(
        stand_in, TENANTS, [(b"acme", OTHERS, ACME), (b"initech", b'{"tenant_id":"initech"}', INITECH)]
    )
    (tmp_path / "plans.yaml").write_text("tenants: {globex: {tier: pro}}\n")

    ended = [
        await run(stand_in, "set", "acme", "tier=pro", "--dry-run"),
        await run(stand_in, "remove", "acme", "--dry-run"),
        await run(stand_in, "import", str(tmp_path / "plans.yaml"), "--prune", "--dry-run"),
    ]

    assert [one.code for one in ended] == [0, 0, 0]
    assert ended[0].out == "acme\n  - tier: enterprise\n  + tier: pro\n"
    assert "acme (removed: its tier's default holds)\n" in ended[1].out
    assert "globex (new)\n  + tier: pro\n" in ended[2].out
    assert all("nothing was written" in one.err for one in ended)
    assert await count(stand_in) == (2, 0)


async def test_a_file_with_one_error_changes_nothing(stand_in: StandIn, tmp_path: Path) -> None:
    (tmp_path / "plans.yaml").write_text("tenants:\n  acme: {tier: pro}\n  globex:\n    wieght: 3\n")

    ended = [
        await run(stand_in, "import", str(tmp_path / "plans.yaml"), "--prune", "--yes"),
        await run(stand_in, "set", "acme", "quota.cost_usd=0.5"),
        await run(stand_in, "set", "acme", "teir=pro"),
        await run(stand_in, "import", "none.yaml"),
        await run(stand_in, "diff", str(tmp_path / "plans.yaml")),
    ]

    assert [one.code for one in ended] == [2, 2, 2, 2, 2]
    assert "plans.yaml:4: tenant globex: wieght: is no field of a plan: did you mean weight?" in ended[0].err
    assert "quota.cost_usd: money is no float" in ended[1].err
    assert "none.yaml cannot be read" in ended[3].err
    assert await count(stand_in) == (0, 0)


async def test_a_plan_that_no_record_holds_stops_the_whole_import(stand_in: StandIn, tmp_path: Path) -> None:
    long = "x" * 1024 * 1024
    (tmp_path / "plans.yaml").write_text(f"tenants: {{acme: {{}}, globex: {{secrets: {{a: {long}}}}}}}\n")

    refused = await run(stand_in, "import", str(tmp_path / "plans.yaml"))

    assert refused.code == 2
    assert "the plan of globex has" in refused.err
    assert await count(stand_in) == (0, 0)


async def test_prune_removes_who_is_not_named_but_resumes_nobody(stand_in: StandIn, tmp_path: Path) -> None:
    globex = b'{"tenant_id":"globex","tier":"pro","paused":true}'
    await write(
        stand_in,
        TENANTS,
        [
            (b"acme", OTHERS, ACME),
            (b"globex", globex, GLOBEX),
            (b"initech", b'{"tenant_id":"initech"}', INITECH),
        ],
    )
    (tmp_path / "plans.yaml").write_text("tenants: {acme: {tier: pro}}\n")
    words = ("import", str(tmp_path / "plans.yaml"), "--prune")

    unasked = await run(stand_in, *words)
    code, said = await at_a_terminal(stand_in, b"n\n", "tenants", *words)
    before = await count(stand_in)
    done = await run(stand_in, *words, "--yes")
    again = await run(stand_in, *words)

    assert (unasked.code, code, before) == (2, 1, (3, 0))
    assert "say --yes" in unasked.err
    assert b"Remove the plans of 1 tenant?" in said
    assert (done.code, again.code, again.out) == (0, 0, "")
    assert await plans_of(stand_in) == {
        "acme": {"tenant_id": "acme", "tier": "pro"},
        "globex": {"tenant_id": "globex", "paused": True},
    }


async def test_a_paused_tenant_stays_paused_through_files(stand_in: StandIn, tmp_path: Path) -> None:
    acme = b'{"tenant_id":"acme","tier":"free","paused":true}'
    resumed = b'{"tenant_id":"globex","tier":"free","paused":false}'
    await write(stand_in, TENANTS, [(b"acme", acme, ACME), (b"globex", resumed, GLOBEX)])

    out = await run(stand_in, "export")
    backup = await run(stand_in, "export", "--with-paused")
    done = await run(stand_in, "import", "-", stdin=out.out.replace("free", "pro"))
    plans = await plans_of(stand_in)

    assert "paused" not in out.out
    assert "1 paused: the file does not say so" in out.err
    assert "paused: true" in backup.out
    assert done.code == 0
    assert {tenant: plan["paused"] for tenant, plan in plans.items()} == {"acme": True, "globex": False}
    assert {plan["tier"] for plan in plans.values()} == {"pro"}


async def test_what_cannot_be_read_is_mended_but_never_a_later_versions_plan(
    stand_in: StandIn, tmp_path: Path
) -> None:
    await write(stand_in, TENANTS, [(b"acme", OTHERS, ACME), (b"acme", b"garbage", ACME)])
    (tmp_path / "plans.yaml").write_text("tenants: {acme: {tier: enterprise}}\n")

    mended = await run(stand_in, "import", str(tmp_path / "plans.yaml"))
    later = {"tenant_id": "acme", "tier": {"of": "tomorrow"}}
    await write_with_version(stand_in, orjson.dumps(later), b"tenant-plan/99")
    refused = await run(stand_in, "import", str(tmp_path / "plans.yaml"))

    assert mended.code == 0
    assert refused.code == 2
    assert "the plan of acme cannot be changed: The record is tenant-plan/99" in refused.err
    assert [record.value for record in await written(stand_in, TENANTS)][2:] == [OTHERS, orjson.dumps(later)]


async def write_with_version(stand_in: StandIn, value: bytes, version: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=stand_in.kafka.bootstrap) as writer:
        await writer.send_and_wait(
            stand_in.name(TENANTS), value, b"acme", ACME, headers=[("schema", version)]
        )


# -- somebody else, at the same time


def in_this_process(stand_in: StandIn, delivery: Delivery, *words: str) -> Result:
    kafka = stand_in.kafka
    environment = {
        "PENSTOCK_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "PENSTOCK_TOPIC_PREFIX": kafka.topic_prefix,
        "PENSTOCK_APP_ID": kafka.app_id,
        "PENSTOCK_PARTITIONS": str(kafka.partitions),
        "PENSTOCK_DELIVERY": delivery,
    }
    return CliRunner().invoke(cli.app, ["tenants", *words], env=environment)


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_a_plan_that_somebody_else_changed_meanwhile_is_not_written_over(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, delivery: Delivery
) -> None:
    async def reading(kafka: KafkaOptions, tenant: str | None = None) -> Standing:
        standing = await read_standing(kafka, tenant)
        await write(stand_in, TENANTS, [(b"acme", OTHERS, ACME)])
        return standing

    monkeypatch.setattr(commands, "read_standing", reading)

    ended = await asyncio.to_thread(in_this_process, stand_in, delivery, "set", "acme", "tier=pro")

    assert ended.exit_code == 1
    assert "acme: somebody else changed this plan meanwhile" in ended.stderr
    assert "nothing was written" in ended.stderr
    assert [record.value for record in await written(stand_in, TENANTS)] == [OTHERS]
    assert await audits_of(stand_in) == []


@pytest.mark.parametrize(("delivery", "stand"), [("transactional", 1), ("plain", 2)])
async def test_who_writes_in_the_last_moment_is_seen_too(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, delivery: Delivery, stand: int
) -> None:
    plainly = PlanPress._write_plans

    async def writing(self: PlanPress, *given: Any) -> Any:
        await write(stand_in, TENANTS, [(b"acme", OTHERS, ACME)])
        return await plainly(self, *given)

    monkeypatch.setattr(PlanPress, "_write_plans", writing)

    ended = await asyncio.to_thread(in_this_process, stand_in, delivery, "set", "acme", "tier=pro")

    assert ended.exit_code == 1
    assert ("written, over theirs" in ended.stderr) == (delivery == "plain")
    assert await count(stand_in) == (stand, stand - 1)


async def test_what_was_read_is_no_change_that_nobody_saw(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    plainly = plan_standing._committed_ends

    async def marking(kafka: KafkaOptions) -> Any:
        marks = await plainly(kafka)
        await write(stand_in, TENANTS, [(b"acme", OTHERS, ACME)])
        return marks

    monkeypatch.setattr(plan_standing, "_committed_ends", marking)

    ended = await asyncio.to_thread(in_this_process, stand_in, "transactional", "set", "acme", "weight=2")

    assert ended.exit_code == 0, ended.stderr
    assert (await plans_of(stand_in))["acme"] == {"tenant_id": "acme", "tier": "enterprise", "weight": 2}


async def test_a_pause_in_the_midst_of_an_import_is_not_lost(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    plainly = PlanPress._write_audits
    worker = KafkaPlans(stand_in.kafka, stand_in.name(TENANTS), Plans(Observers()), Observers(), Lifeline())
    pausing: list[asyncio.Task[Any]] = []
    loop = asyncio.get_running_loop()

    async def writing(self: PlanPress, producer: Any, changes: Sequence[Change], offsets: Any) -> None:
        """Its transaction is open, and its plan stands there."""
        loop.call_soon_threadsafe(lambda: pausing.append(loop.create_task(worker.pause("acme", True))))
        async with asyncio.timeout(20):
            while len(await standing_uncommitted(stand_in)) < 2:
                await asyncio.sleep(0.05)
        await plainly(self, producer, changes, offsets)

    monkeypatch.setattr(PlanPress, "_write_audits", writing)
    await worker.start()
    try:
        ended = await asyncio.to_thread(in_this_process, stand_in, "transactional", "set", "acme", "tier=pro")
        await asyncio.wait_for(pausing[0], 30)
    finally:
        await worker.stop()

    assert ended.exit_code == 0
    assert (await plans_of(stand_in))["acme"] == {"tenant_id": "acme", "tier": "pro", "paused": True}


async def standing_uncommitted(stand_in: StandIn) -> list[int]:
    """The offsets that are taken on acme's partition."""
    ends = await ends_of(stand_in.kafka.bootstrap, stand_in.name(TENANTS))
    return [offset for place, end in ends.items() if place.partition == ACME for offset in range(end)]


async def test_a_great_many_plans_are_imported_at_once_and_only_once(
    stand_in: StandIn, tmp_path: Path
) -> None:
    plans = "".join(f"  t-{number}: {{weight: {number % 9 + 1}}}\n" for number in range(3000))
    (tmp_path / "plans.yaml").write_text("tenants:\n" + plans)

    first = await run(stand_in, "import", str(tmp_path / "plans.yaml"))
    (tmp_path / "plans.yaml").write_text("tenants:\n" + plans.replace("t-7: {weight: 8}", "t-7: {weight: 9}"))
    second = await run(stand_in, "import", str(tmp_path / "plans.yaml"), "--json")

    assert (first.code, second.code) == (0, 0)
    assert orjson.loads(second.out)["tenant_id"] == "t-7"
    assert await count(stand_in) == (3001, 3001)
