"""Which partition a key belongs to: Java's default partitioner."""

from functools import lru_cache

_MASK = 0xFFFFFFFF
_SEED = 0x9747B28C
_M = 0x5BD1E995
_CACHED_KEYS = 65_536
# A longer key is no tenant's, and may be a megabyte that nobody wants to remember.
_LONGEST_TENANT = 128


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2, unsigned (Java prints the same bits as a signed int)."""
    length = len(data)
    whole = length & ~3
    h = (_SEED ^ length) & _MASK
    for start in range(0, whole, 4):
        k = (int.from_bytes(data[start : start + 4], "little") * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    if length > whole:
        h = ((h ^ int.from_bytes(data[whole:], "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def partition_for(key: bytes, partitions: int) -> int:
    """toPositive(murmur2(key)) % partitions."""
    place = _cached_place if len(key) <= _LONGEST_TENANT else _place
    return place(key, partitions)


def _place(key: bytes, partitions: int) -> int:
    return (murmur2(key) & 0x7FFFFFFF) % partitions


_cached_place = lru_cache(maxsize=_CACHED_KEYS)(_place)
