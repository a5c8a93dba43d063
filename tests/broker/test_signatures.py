"""Signatures on real Kafka: what a worker believes, while its file of keys changes, and who may command."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from app import provision
from app.adapters import secret_files
from app.adapters.clock import SystemClock
from app.simulator.server import RunningSimulator
from schemas.keyring import Algorithm, KeyEntry, KeyFile, Role, render_key_file
from schemas.partitions import partition_for
from schemas.private_keys import render_private_key
from schemas.signatures import Content, SigningKey, sign
from streams.options import KafkaOptions
from tests.broker.crew import COMMAND, Crew, Sent, WorkerProcess, crew_of, request, until
from tests.broker.nursery import Nursery
from tests.broker.stand_in_worker import StandIn
from tests.doubles.memory_verifier import entry_of, signing_key

ACME, ACME_HS = signing_key("acme-1"), signing_key("acme-hs", Algorithm.HS256)
GLOBEX, OPS, BOSS = signing_key("globex-1"), signing_key("ops"), signing_key("boss")
KEYS = (
    entry_of(ACME),
    entry_of(ACME_HS),
    entry_of(GLOBEX, tenants=("globex",)),
    entry_of(OPS, Role.OPERATOR, tenants=("*",)),
    entry_of(BOSS, Role.APPROVER),
)
REFUND = '[[sim: tool=refund args={"order":7}]]'
WINDOW = timedelta(hours=24)


class Signed:
    """A deployment in which everything has to be signed."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.keys_file = crew.folder / "keys.json"
        self.write_keys(*KEYS)

    def write_keys(self, *entries: KeyEntry) -> None:
        secret_files.replace(self.keys_file, render_key_file(KeyFile(version=1, keys=entries)))

    def start(self, command: Sequence[str] | None = None) -> WorkerProcess:
        return self.crew.start(command=command, signatures="required", keys_file=self.keys_file)

    def by(self, key: SigningKey, sent: Sent, at: datetime | None = None) -> Sent:
        """The request, signed."""
        content = Content(self.crew.topic("requests"), sent.key, sent.value)
        return replace(sent, headers=(*sent.headers, sign(key, content, at or SystemClock.at())))

    async def command(self, key: SigningKey, at: datetime, **command: Any) -> str:
        """Write one of acme's, signed then; returns the id of its audit."""
        topic, value = self.crew.topic("control"), orjson.dumps(command)
        place = partition_for(b"acme", self.crew.kafka.partitions)
        header = sign(key, Content(topic, b"acme", value), at)
        async with AIOKafkaProducer(bootstrap_servers=self.crew.kafka.bootstrap) as producer:
            done = await producer.send_and_wait(topic, value, b"acme", place, headers=[header])
        return f"control-{done.partition}-{done.offset}"

    async def audit(self, audit_id: str) -> dict[str, Any]:
        """What came of it."""
        async with asyncio.timeout(30):
            while True:
                told = [orjson.loads(one.value) for one in await self.crew.read("audit")]
                for one in told:
                    if one["audit_id"] == audit_id:
                        return dict(one)
                await asyncio.sleep(0.1)


@pytest.fixture
async def signed(
    deployment: KafkaOptions, redis_url: str, models: RunningSimulator, nursery: Nursery, tmp_path: Path
) -> AsyncIterator[Signed]:
    """Its topics have the broker's timestamps."""
    await provision.create(deployment, stamped=True)
    async with crew_of(deployment, redis_url, tmp_path, nursery, models.base_url) as crew:
        yield Signed(crew)


async def logged(worker: WorkerProcess, event: str, number: int) -> None:
    """Wait until it has said so as often."""
    await until(lambda: len(worker.lines(event)) >= number, 20, lambda: worker.log[-3000:])


async def test_what_is_signed_runs_and_what_is_not_is_one_dead_letter(signed: Signed) -> None:
    crew, by = signed.crew, signed.by
    # Good for another two seconds, in which nobody reads: it was good when the broker wrote it.
    almost_over = SystemClock.at() - WINDOW + timedelta(seconds=2)
    await crew.send(by(ACME, request("waited"), almost_over))
    paused = await signed.command(OPS, almost_over, command="resume", actor="ann")
    await asyncio.sleep(2.5)
    worker = signed.start()
    await crew.ready(worker)

    good = by(ACME, request("good"))
    await crew.send(good, by(ACME_HS, request("good-hs")), by(GLOBEX, request("good-globex", "globex")))
    bad = await crew.send(
        request("unsigned"),
        by(signing_key("nobody"), request("unknown")),
        by(GLOBEX, request("not-mine")),
        by(OPS, request("wrong-role")),
        by(ACME, request("too-old"), SystemClock.at() - WINDOW - timedelta(seconds=1)),
        replace(good, value=(good.value or b"") + b" "),
        replace(request("moved"), headers=good.headers),
        Sent(b"no json", b"acme"),
    )
    letters = await crew.letters_for(bad)
    await crew.send(good)  # again: a duplicate
    answered = await crew.answered(4)
    await crew.caught_up()

    assert {one["status"] for one in answered.values()} == {"completed"}
    assert set(answered) == {"waited", "good", "good-hs", "good-globex"}
    assert {letter["code"] for letter in letters} == {"bad_signature"}
    assert len(await crew.read("deadletter")) == len(bad)
    told = await signed.audit(paused)
    assert (told["outcome"], told["actor"], told["role"]) == ("done", "ops (ann)", "operator")
    assert "timestamps are the producers'" not in worker.log
    verified = await StandIn(crew.kafka).run("verify", "--json")
    assert verified.code == 0, verified.out + verified.err


async def test_keys_come_and_go_while_a_worker_runs(signed: Signed) -> None:
    crew, by, newest = signed.crew, signed.by, signing_key("acme-2")
    worker = signed.start()
    await crew.ready(worker)
    in_force = "the keys for signatures are in force"

    signed.write_keys(*KEYS, entry_of(newest))
    await crew.letters_for(await _until_seen(signed, worker, in_force, 2))
    await crew.send(by(ACME, request("old-1")), by(newest, request("new-1")))
    both = await crew.responses_to(["old-1", "new-1"])
    revoked = entry_of(ACME, revoked_at=SystemClock.at())
    signed.write_keys(revoked, *KEYS[1:], entry_of(newest))
    await _until_seen(signed, worker, in_force, 3)
    (letter,) = await crew.letters_for(await crew.send(by(ACME, request("old-2"))))
    secret_files.replace(signed.keys_file, b"{ not even JSON")
    await _until_seen(signed, worker, "the file of keys cannot be used: the keys that were known hold", 1)
    await crew.send(by(newest, request("new-2")))
    after = await crew.responses_to(["new-2"])
    worker.terminate()
    await worker.ended()
    restarted = signed.start(COMMAND)
    code = await restarted.ended()

    assert {one["status"] for one in (*both.values(), *after.values())} == {"completed"}
    assert "the key acme-1 was revoked" in letter["message"]
    assert code == 2
    assert "no signature could be checked (PENSTOCK_KEYS_FILE)" in restarted.log
    assert "it is no JSON" in restarted.log


async def _until_seen(signed: Signed, worker: WorkerProcess, event: str, number: int) -> Any:
    """The file is looked at when a record comes: send some until it was."""
    sent: list[Any] = []
    async with asyncio.timeout(20):
        while len(worker.lines(event)) < number:
            sent += await signed.crew.send(request("knocks"))
            await asyncio.sleep(0.2)
    return sent


async def test_commands_need_a_key_with_the_role(
    signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew, cli = signed.crew, StandIn(signed.crew.kafka)
    use = _key_user(tmp_path, monkeypatch)
    await crew.ready(signed.start())
    unsigned = await cli.run("send", "-t", "acme", "-a", "clerk", "hello")
    use(ACME)
    sent = await cli.run("send", "-t", "acme", "-a", "clerk", "--request-id", "r-1", "--no-wait", REFUND)
    async with asyncio.timeout(30):
        while not (calls := (await cli.run("approvals", "list", "--json")).out):
            await asyncio.sleep(0.2)
    approval_id = orjson.loads(calls)["approval_id"]

    approved = [await cli.run("approvals", "approve", approval_id, "--yes", "--json")]
    use(BOSS)
    paused = [await cli.run("tenants", "pause", "acme", "--json")]
    approved.append(await cli.run("approvals", "approve", approval_id, "--yes", "--json"))
    answered = await crew.responses_to(["r-1"])
    use(OPS)
    paused.append(await cli.run("tenants", "pause", "acme", "--json"))

    assert unsigned.code == 1
    assert unsigned.err.startswith("bad_signature: ")
    assert sent.code == 0
    assert [(one.code, orjson.loads(one.out)["code"]) for one in approved] == [
        (1, "bad_signature"),
        (0, None),
    ]
    assert [(one.code, orjson.loads(one.out)["code"]) for one in paused] == [(1, "bad_signature"), (0, None)]
    assert answered["r-1"]["status"] == "completed"


async def test_a_record_is_sent_again_with_the_signature_of_who_vouches_for_it(
    signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew, cli = signed.crew, StandIn(signed.crew.kafka)
    use = _key_user(tmp_path, monkeypatch)
    await crew.ready(signed.start())
    await crew.letters_for(await crew.send(signed.by(GLOBEX, request("r-1"))))
    use(ACME)

    kept = await cli.run("dlq", "replay", "--code", "bad_signature", "--yes")
    letters = await crew.dead_letters(2)
    vouched = await cli.run("dlq", "replay", letters[1]["dead_letter_id"], "--sign", "--yes")
    answered = await crew.responses_to(["r-1"])
    await crew.caught_up()

    assert (kept.code, vouched.code) == (0, 0)
    assert "look at each of them first" in vouched.err
    assert answered["r-1"]["status"] == "completed"
    assert len(await crew.read("deadletter")) == 2


async def test_topics_are_made_with_the_brokers_timestamps_and_the_doctor_looks(
    deployment: KafkaOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli, keys_file = StandIn(deployment), tmp_path / "keys.json"
    monkeypatch.setenv("PENSTOCK_SIGNATURES", "required")
    monkeypatch.setenv("PENSTOCK_KEYS_FILE", str(keys_file))
    words = ["create", "acme-1", "-r", "producer", "-t", "acme", "--private-key-file", f"{tmp_path}/key"]
    made = await cli.run("keys", *words)

    created = await cli.run("topics", "create")
    unstamped = provision.unstamped(await provision.describe(deployment))
    doctor = await cli.run("doctor", "--json")

    assert (made.code, created.code, unstamped) == (0, 0, [])
    found = {one["check"]: one for one in orjson.loads(doctor.out)["findings"]}
    assert found["timestamps"]["verdict"] == "ok"
    assert found["keys"]["verdict"] == "warn"
    assert found["keys"]["found"] == "no active key has the role approver or operator"


def _key_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[SigningKey], None]:
    def use(key: SigningKey) -> None:
        path = folder / f"{key.kid}.key.json"
        secret_files.create(path, render_private_key(key.kid, key.algorithm, key.secret))
        monkeypatch.setenv("PENSTOCK_SIGNING_KEY_FILE", str(path))

    return use
