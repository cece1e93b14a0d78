"""Keys go where Kafka's own clients put them, whoever of us chooses."""

from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as theirs
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.partitioning import murmur2, partition_of


@given(st.binary(max_size=80))
def test_a_key_is_hashed_as_kafkas_clients_hash_it(key: bytes) -> None:
    assert murmur2(key) == theirs(key)


@given(st.uuids(), st.integers(1, 60))
def test_a_complaint_goes_to_the_partition_that_kafkas_clients_choose(key: object, partitions: int) -> None:
    written = str(key).encode()
    assert partition_of(written, partitions) == DefaultPartitioner()(written, [*range(partitions)], [])


def test_hashes_that_javas_client_is_tested_with() -> None:
    known = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"abc": 479470107,
        b"a-little-bit-long-string": -985981536,
    }
    assert {key: (murmur2(key) ^ 1 << 31) - (1 << 31) for key in known} == known
