"""What the doctor makes of what Redis says."""

from typing import Any

import pytest

from app.doctor import redis

GIB = 1 << 30


@pytest.mark.parametrize(
    ("info", "verdict"),
    [
        ({"maxmemory": 0, "maxmemory_policy": "noeviction"}, "ok"),
        ({"maxmemory": GIB, "maxmemory_policy": "noeviction"}, "ok"),
        ({"maxmemory": GIB, "maxmemory_policy": "allkeys-lru"}, "fail"),
        ({"maxmemory": GIB, "maxmemory_policy": "volatile-ttl"}, "fail"),  # what it holds has its time
        ({"maxmemory": 0, "maxmemory_policy": "allkeys-lru"}, "warn"),
        ({"maxmemory": GIB}, "warn"),
        ({}, "warn"),
    ],
)
def test_a_redis_that_may_evict_ids_is_a_failure(info: dict[str, Any], verdict: str) -> None:
    found = redis.memory(info)

    assert found.verdict == verdict
    assert verdict == "ok" or "maxmemory-policy noeviction" in found.advice


def test_what_it_would_throw_away_is_said() -> None:
    found = redis.memory({"maxmemory": GIB, "maxmemory_policy": "allkeys-lru", "used_memory": GIB // 2})

    assert found.found == (
        "512 MiB used, at most 1024 MiB; when that is full, allkeys-lru throws away claims and limits"
    )


@pytest.mark.parametrize(("used", "verdict"), [(0.5, "ok"), (0.79, "ok"), (0.81, "warn"), (1.0, "warn")])
def test_a_redis_that_is_nearly_full_is_told_before_it_takes_no_writes(used: float, verdict: str) -> None:
    info = {"maxmemory": GIB, "maxmemory_policy": "noeviction", "used_memory": int(used * GIB)}

    assert redis.memory(info).verdict == verdict


@pytest.mark.parametrize(("said", "verdict"), [("6.0.16", "fail"), ("6.2.1", "ok"), ("7.0.15", "ok")])
def test_an_old_redis_is_a_failure(said: str, verdict: str) -> None:
    assert redis.server({"redis_version": said}).verdict == verdict


@pytest.mark.parametrize(
    ("append_only", "fsync", "verdict"),
    [
        (0, "everysec", "warn"),
        (1, "everysec", "ok"),
        (1, "always", "ok"),
        (1, "no", "warn"),
        (1, None, "warn"),
    ],
)
def test_what_a_restart_of_redis_forgets_is_told(append_only: int, fsync: str | None, verdict: str) -> None:
    assert redis.persistence({"aof_enabled": append_only}, fsync).verdict == verdict


def test_only_the_strictest_fsync_promises_everything() -> None:
    assert "loses nothing" in redis.persistence({"aof_enabled": 1}, "always").found
    assert "last second" in redis.persistence({"aof_enabled": 1}, "everysec").found


def test_how_much_a_restart_would_forget_is_told() -> None:
    found = redis.persistence({"aof_enabled": 0, "rdb_changes_since_last_save": 1204}, None)

    assert "(1204 changes since its last snapshot)" in found.found


def test_a_file_that_cannot_be_written_is_a_failure() -> None:
    assert redis.persistence({"aof_enabled": 1, "aof_last_write_status": "err"}, "always").verdict == "fail"


def test_a_slow_disk_is_told() -> None:
    assert "late 3 times" in redis.persistence({"aof_enabled": 1, "aof_delayed_fsync": 3}, "everysec").found
    assert "late" not in redis.persistence({"aof_enabled": 1, "aof_delayed_fsync": 0}, "everysec").found
