"""A Kafka record as the delivery runtime sees it, whether it just came or was kept as bytes."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Record(Protocol):
    """What aiokafka's ConsumerRecord and `KeptRecord` share. `timestamp` is milliseconds since 1970."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A record that waited, or was a dead letter."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


def pack_headers(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """Headers as bytes for a store: JSON pairs, values in base64, so that any bytes survive."""
    return json.dumps(
        [(name, None if value is None else base64.b64encode(value).decode()) for name, value in headers]
    ).encode("utf-8", "surrogatepass")


def unpack_headers(packed: bytes) -> list[tuple[str, bytes | None]]:
    """The headers that `pack_headers` packed."""
    return [
        (name, None if value is None else base64.b64decode(value))
        for name, value in json.loads(packed.decode("utf-8", "surrogatepass"))
    ]
