"""The HTTP endpoints of a worker, and what the checks behind them judge."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter
from structlog.testing import capture_logs

from app.adapters import health
from app.adapters.checks import (
    ASKED_LATELY_S,
    Progress,
    kafka_check,
    partitions_check,
    plans_check,
    redis_check,
)
from app.adapters.health import Ask, Check, Health
from streams.ownership import Membership, Ownership

MEMBER = Membership(1, "m", None)
OK = Check(True, "fine")


@dataclass
class Served:
    """A Health on a free port, whose checks a test may replace."""

    health: Health
    url: str
    ready: dict[str, Ask]
    live: dict[str, Ask]

    async def get(self, path: str, **headers: str) -> tuple[int, Any, dict[str, str]]:
        async with aiohttp.ClientSession() as session, session.get(self.url + path, headers=headers) as found:
            body = await (found.json() if found.content_type == "application/json" else found.text())
            return found.status, body, {str(name): value for name, value in found.headers.items()}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    registry = CollectorRegistry()
    Counter("things", "Counted.", registry=registry).inc(3)
    ready: dict[str, Ask] = {"redis": lambda: OK}
    live: dict[str, Ask] = {"progress": lambda: OK}
    made = Health(("127.0.0.1", 0), ready, live, registry, "1.2.3")
    host, port = await made.start()
    yield Served(made, f"http://{host}:{port}", ready, live)
    await made.stop()


async def test_a_worker_is_ready_when_every_check_is_well(served: Served) -> None:
    served.ready["partitions"] = lambda: Check(True, "12 of 12 open")

    status, body, _ = await served.get("/readyz")

    assert status == 200
    assert body == {
        "status": "ready",
        "checks": {
            "redis": {"ok": True, "detail": "fine"},
            "partitions": {"ok": True, "detail": "12 of 12 open"},
        },
    }


async def test_one_failed_check_makes_it_not_ready_and_is_named(served: Served) -> None:
    served.ready["partitions"] = lambda: Check(False, "3 of 12 open")

    status, body, _ = await served.get("/readyz")

    assert status == 503
    assert body["status"] == "not ready"
    assert body["checks"]["partitions"] == {"ok": False, "detail": "3 of 12 open"}
    assert body["checks"]["redis"]["ok"] is True


async def test_a_worker_that_does_not_know_the_plans_is_not_ready(served: Served) -> None:
    known: list[bool] = []
    served.ready["plans"] = plans_check(lambda: bool(known))

    before, body, _ = await served.get("/readyz")
    known.append(True)
    after, _, _ = await served.get("/readyz")

    assert (before, after) == (503, 200)
    assert body["checks"]["plans"] == {"ok": False, "detail": "not read yet"}


async def test_not_being_ready_does_not_get_a_worker_restarted(served: Served) -> None:
    served.ready["redis"] = lambda: Check(False, "away")

    status, body, _ = await served.get("/healthz")

    assert status == 200
    assert body["status"] == "alive"


async def test_a_stuck_worker_is_not_alive(served: Served) -> None:
    served.live["progress"] = lambda: Check(False, "quiet")

    status, body, _ = await served.get("/healthz")

    assert status == 503
    assert body["status"] == "stuck"


async def test_a_draining_worker_is_alive_but_not_ready(served: Served) -> None:
    served.health.drain()

    ready, body, _ = await served.get("/readyz")
    alive, _, _ = await served.get("/healthz")

    assert (ready, alive) == (503, 200)
    assert body["checks"]["draining"]["ok"] is False


async def test_the_text_of_a_check_that_breaks_is_not_told(served: Served) -> None:
    def broken() -> Check:
        raise ConnectionError("redis://:hunter2@10.0.0.7:6379 refused")

    served.ready["redis"] = broken

    status, body, _ = await served.get("/readyz")

    assert status == 503
    assert body["checks"]["redis"]["detail"] == "ConnectionError"


async def test_a_check_that_hangs_has_failed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs() -> Check:
        await asyncio.Event().wait()
        return OK

    served.ready["redis"] = lambda: health.answer(hangs, within_s=0.01)

    status, body, _ = await served.get("/readyz")

    assert status == 503
    assert body["checks"]["redis"]["detail"] == "no answer within 0.01 s"


async def test_metrics_are_served_in_prometheus_own_format(served: Served) -> None:
    status, body, headers = await served.get("/metrics")

    assert status == 200
    assert "things_total 3.0" in body.splitlines()
    assert headers["Content-Type"].startswith("text/plain; version=")


async def test_metrics_are_served_as_open_metrics_to_who_asks(served: Served) -> None:
    _, body, headers = await served.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert body.endswith("# EOF\n")
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")


async def test_the_version_is_told_and_not_what_it_runs_on(served: Served) -> None:
    status, body, headers = await served.get("/version")

    assert (status, body) == (200, {"name": "penstock", "version": "1.2.3"})
    assert headers["Server"] == "penstock"


@pytest.mark.parametrize("path", ["/", "/metrics/../etc/passwd", "/debug", "/healthz/x"])
async def test_there_is_nothing_else(served: Served, path: str) -> None:
    status, _, headers = await served.get(path)

    assert status == 404
    assert headers["Server"] == "penstock"


async def test_a_port_that_is_taken_is_said_in_one_line_with_what_to_do(served: Served) -> None:
    port = int(served.url.rpartition(":")[2])
    second = Health(("127.0.0.1", port), {}, {}, CollectorRegistry(), "1")

    with pytest.raises(
        OSError, match=rf"PENSTOCK_HTTP_BIND=127\.0\.0\.1:{port}: the port is taken"
    ) as raised:
        await second.start()

    assert "\n" not in str(raised.value)


async def test_an_address_that_is_not_ours_is_named() -> None:
    foreign = Health(("203.0.113.7", 0), {}, {}, CollectorRegistry(), "1")

    with pytest.raises(OSError, match="this machine has no such address"):
        await foreign.start()


async def test_stopping_twice_or_before_the_start_does_no_harm() -> None:
    never_started = Health(("127.0.0.1", 0), {}, {}, CollectorRegistry(), "1")

    await never_started.stop()
    await never_started.stop()


async def test_the_port_is_free_again_after_a_stop() -> None:
    first = Health(("127.0.0.1", 0), {}, {}, CollectorRegistry(), "1")
    bound = await first.start()
    await first.stop()

    second = Health(bound, {}, {}, CollectorRegistry(), "1")
    assert await second.start() == bound
    await second.stop()


# -- the checks


async def ask(check: Ask) -> Check:
    return await health.answer(check)


async def test_partitions_are_not_ready_before_the_first_assignment() -> None:
    assert not (await ask(partitions_check(Ownership()))).ok


async def test_partitions_are_ready_when_all_are_open() -> None:
    ownership = Ownership()
    check = partitions_check(ownership)
    ownership.assigned(MEMBER, [0, 1])
    ownership.open(0)
    one_open = await ask(check)
    ownership.open(1)

    assert one_open == Check(False, "1 of 2 open")
    assert await ask(check) == Check(True, "2 of 2 open")


async def test_partitions_are_not_ready_during_a_rebalance() -> None:
    ownership = Ownership()
    ownership.assigned(MEMBER, [0])
    ownership.open(0)
    ownership.revoked()

    assert not (await ask(partitions_check(ownership))).ok


async def test_a_worker_that_stands_by_is_ready() -> None:
    ownership = Ownership()
    ownership.assigned(MEMBER, [])

    assert (await ask(partitions_check(ownership))).ok


async def test_redis_must_answer() -> None:
    class Away:
        async def ping(self) -> bool:
            raise ConnectionError("refused")

    assert await ask(redis_check(Away())) == Check(False, "ConnectionError")


@pytest.mark.parametrize("answers", [True, False])
async def test_kafka_must_answer(answers: bool) -> None:
    assert (await ask(kafka_check(lambda: answers))).ok is answers


@dataclass
class Scene:
    """A worker as Progress sees it."""

    now: float = 0.0
    seen: int = 0
    work: int = 0
    needs_met: bool = True

    def progress(self) -> Progress:
        return Progress(
            lambda: self.now,
            lambda: self.seen,
            lambda: self.work,
            [lambda: Check(self.needs_met, "")],
            stall_s=300,
        )

    async def pass_time(self, progress: Progress, seconds: float) -> Check:
        """Ask every ten seconds, as a kubelet does."""
        for _ in range(int(seconds / 10)):
            self.now += 10
            await progress.check()
        return await progress.check()


async def test_a_worker_that_does_nothing_about_its_work_is_stuck() -> None:
    scene = Scene(work=3)
    progress = scene.progress()

    assert (await scene.pass_time(progress, 290)).ok
    assert not (await scene.pass_time(progress, 20)).ok


async def test_any_occurrence_is_a_sign_of_life() -> None:
    scene = Scene(work=3)
    progress = scene.progress()
    await scene.pass_time(progress, 290)
    scene.seen += 1

    assert (await scene.pass_time(progress, 290)).ok


async def test_a_worker_without_work_may_be_quiet_for_ever() -> None:
    scene = Scene(work=0)
    progress = scene.progress()

    assert (await scene.pass_time(progress, 10_000)).ok


async def test_while_redis_is_away_a_restart_would_not_help() -> None:
    scene = Scene(work=3, needs_met=False)
    progress = scene.progress()

    assert (await scene.pass_time(progress, 1_000)).ok


async def test_what_happened_while_nobody_asked_is_not_held_against_it() -> None:
    scene = Scene(work=0)
    progress = scene.progress()
    scene.now += 100 * ASKED_LATELY_S
    scene.work = 1  # arrived just now

    assert (await progress.check()).ok


@pytest.mark.parametrize(("late_s", "told"), [(0.0, []), (0.9, []), (2.5, [2.5])])
async def test_who_was_held_up_for_a_second_says_so(served: Served, late_s: float, told: list[float]) -> None:
    with capture_logs() as logged:
        served.health._came_round(late_s)

    assert [line["seconds"] for line in logged if "held up" in line["event"]] == told
