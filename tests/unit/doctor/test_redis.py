"""What the doctor makes of what Redis says."""

from typing import Any

import pytest

from app.doctor import redis


@pytest.mark.parametrize(
    ("info", "verdict"),
    [
        ({"maxmemory": 0, "maxmemory_policy": "allkeys-lru"}, "ok"),
        ({"maxmemory": 1 << 30, "maxmemory_policy": "noeviction"}, "ok"),
        ({"maxmemory": 1 << 30, "maxmemory_policy": "allkeys-lru"}, "fail"),
    ],
)
def test_a_redis_that_may_evict_ids_is_a_failure(info: dict[str, Any], verdict: str) -> None:
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
