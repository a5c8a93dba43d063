"""What counts as durable."""

import pytest

from benchmarks.durability import check_durable
from benchmarks.worker_process import BenchFailed


@pytest.mark.parametrize("fsync", ["everysec", "always"])
def test_a_redis_with_an_append_only_file_is_durable(fsync: str) -> None:
    check_durable({"appendonly": "yes", "appendfsync": fsync})


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"appendonly": "no", "appendfsync": "everysec"}, "appendonly no"),
        ({"appendonly": "yes", "appendfsync": "no"}, "appendfsync no"),
        ({}, "appendonly None"),
    ],
)
def test_any_other_ends_the_measurement_with_the_reason(config: dict[str | None, str], said: str) -> None:
    with pytest.raises(BenchFailed, match=said):
        check_durable({**config})
