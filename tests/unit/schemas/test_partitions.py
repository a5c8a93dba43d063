"""Keys fall on the partitions that Java's default partitioner gives them."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.partitions import murmur2, partition_for


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_the_values_of_the_java_client(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed & 0xFFFFFFFF


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_murmur2_agrees_with_aiokafka(key: bytes) -> None:
    assert murmur2(key) == aiokafka_murmur2(key) & 0xFFFFFFFF


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 200))
def test_partition_agrees_with_aiokafka(key: bytes, partitions: int) -> None:
    everyone = list(range(partitions))

    assert partition_for(key, partitions) == DefaultPartitioner()(key, everyone, everyone)


def test_partition_depends_on_the_number_of_partitions() -> None:
    places = {partitions: partition_for(b"foobar", partitions) for partitions in (1, 12, 13)}

    assert places == {1: 0, 12: (-790332482 & 0x7FFFFFFF) % 12, 13: (-790332482 & 0x7FFFFFFF) % 13}
