"""Which partition a key belongs to: as Kafka's own clients choose it, so that order holds whoever writes."""

from functools import lru_cache
from struct import iter_unpack

_SEED, _M, _32 = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


@lru_cache(maxsize=4096)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition, from 0, of a record with this key in a topic of so many."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """The hash that Kafka's Java client takes of a key, word by word: aiokafka's goes byte by byte."""
    whole = len(data) & ~3
    hashed = _SEED ^ len(data)
    for (one,) in iter_unpack("<I", data[:whole]):
        word = one * _M & _32
        hashed = hashed * _M & _32 ^ (word ^ word >> 24) * _M & _32
    if whole < len(data):
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _M & _32
    hashed = (hashed ^ hashed >> 13) * _M & _32
    return hashed ^ hashed >> 15
