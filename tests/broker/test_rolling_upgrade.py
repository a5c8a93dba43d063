"""Two versions in one consumer group: what either has begun, parked or decided goes on on the other.

The version before this one is unpacked from git's history (`tests/broker/former_version.py` says which commit
that is, and why) and runs with the libraries that are installed for this one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.simulator.server import RunningSimulator
from schemas.times import format_at
from tests.broker import former_version, servers
from tests.broker.crew import ROOT, Crew, WorkerProcess, request, tenants_of, until
from tests.broker.test_durable_runs import approval, billed, command, left_parked, usage_of
from tests.broker.test_rebalance import one_tenant_each, owned

pytestmark = pytest.mark.timeout(240)  # several generations of workers, which import everything anew

STEPS = '[[sim: latency_ms=1000 tool=look_up args={"order":1} then tool=look_up args={"order":2}]]'
QUICK_STEPS = STEPS.replace("1000", "100")
REFUND = '[[sim: tool=refund args={"order":7}]]'
# Without it each worker compiles every library anew, in shells that forbid Python to keep what it compiled.
COMPILED = {"PYTHONPYCACHEPREFIX": str(servers.CACHE / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
PACKAGES = ("app", "streams", "agents_defs", "schemas", "tests.broker.worker_process")
LIFE = f"""
import importlib, sys
for name in {PACKAGES}:
    print("runs", importlib.import_module(name).__file__, flush=True)
sys.exit(sys.modules["tests.broker.worker_process"].run(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Version:
    """Where one stands."""

    name: str
    tree: Path

    def start(self, crew: Crew, *mutants: str, worker_id: str | None = None) -> WorkerProcess:
        """One worker of it. It takes a few seconds until it works; nobody waits for that here."""
        crew.settings |= COMPILED
        return crew.start(command=("-c", LIFE, *mutants), tree=self.tree, worker_id=worker_id)

    def runs(self, worker: WorkerProcess) -> bool:
        """Whether it is this version that the worker runs, in all its parts."""
        files = [line.removeprefix("runs ") for line in worker.log.splitlines() if line.startswith("runs ")]
        return len(files) == len(PACKAGES) and all(Path(one).is_relative_to(self.tree) for one in files)


@pytest.fixture(scope="session")
def former(tmp_path_factory: pytest.TempPathFactory) -> Version:
    tree = tmp_path_factory.mktemp("former")
    return Version(f"the former one, {former_version.unpacked(tree)[:7]}", tree)


@pytest.fixture(params=["former", "this"])
def versions(request: pytest.FixtureRequest, former: Version) -> tuple[Version, Version]:
    """The version that is worked with first (and named in the test's id), and the other one."""
    this = Version("this one", ROOT)
    return (former, this) if request.param == "former" else (this, former)


async def beside_each_other(crew: Crew, versions: tuple[Version, Version]) -> list[WorkerProcess]:
    """A worker of each; they share the partitions."""
    workers = [version.start(crew) for version in versions]
    await crew.ready(*workers)
    await until(lambda: [len(owned(worker)) for worker in workers] == [2, 2])
    await crew.ready(*workers)
    assert all(version.runs(worker) for version, worker in zip(versions, workers, strict=True))
    return workers


async def test_runs_that_one_version_began_go_on_on_the_other_and_ask_nothing_again(
    crew: Crew, models: RunningSimulator, versions: tuple[Version, Version]
) -> None:
    dying, staying = await beside_each_other(crew, versions)
    tenants, taken_over = one_tenant_each(), owned(dying)
    await crew.send(*(request("r-1", tenant, STEPS, session_id="s") for tenant in tenants))
    await crew.send(*(request("r-2", tenant, session_id="s") for tenant in tenants))
    await until(lambda: models.calls == 8 and models.in_flight == 4)  # each run is in its second step
    dying.kill()

    responses = await crew.responses(8, within_s=60)

    await crew.caught_up()
    assert len(await crew.read("responses")) == 8
    assert {(one["status"], one["memory"]) for one in responses} == {("completed", "kept")}
    attempts = {
        one["source"]["partition"]: one["attempts"] for one in responses if one["request_id"] == "r-1"
    }
    assert attempts == {number: 2 if number in taken_over else 1 for number in range(4)}
    steps = [f"{tenant}/r-1/0/m{step}" for tenant in tenants for step in range(3)]
    assert sorted(billed(models)) == sorted([*steps, *(f"{tenant}/r-2/0/m0" for tenant in tenants)])
    states = [one["state"] for one in await usage_of(crew)]
    assert (states.count("settled"), states.count("unknown")) == (16, 2)
    assert staying.alive()


async def test_what_one_version_parked_the_other_goes_on_with(
    crew: Crew, models: RunningSimulator, versions: tuple[Version, Version]
) -> None:
    dying, _ = await beside_each_other(crew, versions)
    (tenant,) = tenants_of(owned(dying)[0], 1)
    due = datetime.now(UTC) + timedelta(seconds=12)
    await crew.send(
        request("r-later", tenant, not_before=format_at(due)), request("r-refund", tenant, REFUND)
    )
    asked = await approval(crew)
    await crew.caught_up()
    dying.kill()
    assert datetime.now(UTC) < due

    await command(
        crew,
        tenant,
        command="approve",
        approval_id=asked["approval_id"],
        arguments_digest=asked["arguments_digest"],
        actor="ada",
    )
    answered = await crew.answered(2, within_s=60)

    assert answered["r-later"]["started_at"] >= format_at(due)
    assert "refunded 7" in answered["r-refund"]["output"]
    assert billed(models).count(f"{tenant}/r-refund/0/m0") == 1
    await crew.caught_up()
    assert await left_parked(crew) == []


async def test_what_one_version_decided_the_other_publishes_and_runs_nothing(
    crew: Crew, models: RunningSimulator, versions: tuple[Version, Version]
) -> None:
    first, other = versions
    dying = first.start(crew, "dies_before_publishing")
    await crew.send(request("r-1", text=QUICK_STEPS, session_id="s"))
    await dying.ended()
    assert first.runs(dying)

    other.start(crew)
    answered = await crew.answered(1, within_s=60)

    assert answered["r-1"]["status"] == "completed"
    assert sorted(billed(models)) == [f"acme/r-1/0/m{step}" for step in range(3)]
    await crew.caught_up()
    assert len(await usage_of(crew)) == 3


async def test_workers_that_are_replaced_by_the_other_version_one_by_one_answer_each_request_once(
    crew: Crew, models: RunningSimulator, versions: tuple[Version, Version]
) -> None:
    before, after = versions
    old = [before.start(crew, worker_id=f"w-{number}") for number in range(2)]
    await crew.ready(*old)
    sent = 0

    async def more() -> None:
        nonlocal sent
        await crew.send(
            *(request(f"r-{sent + n}", tenant, QUICK_STEPS, session_id="s") for n, tenant in each_twice())
        )
        sent += len(each_twice())

    for number, leaving in enumerate(old):
        await more()
        leaving.terminate()
        assert await leaving.ended() == 0
        await more()
        replacing = after.start(crew, worker_id=f"w-{number}")
        await crew.ready(replacing)
        assert after.runs(replacing)
    await more()

    answered = await crew.answered(sent, within_s=60)

    assert {one["status"] for one in answered.values()} == {"completed"}
    calls = billed(models)
    assert len(calls) == len(set(calls)) == 3 * sent
    await crew.caught_up()
    assert len(await crew.read("responses")) == sent


def each_twice() -> list[tuple[int, str]]:
    return list(enumerate(one_tenant_each() * 2))
