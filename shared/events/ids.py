"""Derived ids: doing the same work twice says the same thing (DESIGN §3)."""

from hashlib import sha1
from uuid import UUID, uuid5

SIMPUL = UUID("5f0c1d7e-1b0a-5c57-9d0e-73696d70756c")
"""The namespace of every id that the hub derives. Never change it: ids would change with it."""
_NAMESPACE = SIMPUL.bytes
_NAMED, _AS_VERSION_5 = 0xF000 << 64 | 0xC000 << 48, 5 << 76 | 0x8000 << 48
"""The bits of a UUID that tell its version and its variant, and what they are in a derived one (RFC 9562 §5.5)."""


def complaint_id(source: str, reference: str) -> UUID:
    """The id of the complaint that `source` calls `reference`: the same by HTTP and by Kafka.

    A source holds no colon (`parts.Source`), so no two pairs meet in one text.
    """
    return uuid5(SIMPUL, f"complaint:{source}:{reference}")


def submission_id(source: str, reference: str, body: str) -> UUID:
    """The id of a submission that came without one: by who sent it, under what name, and what it says.

    `body` is the fingerprint of the content, so a repeat has the same id and a changed one another.
    """
    return uuid5(SIMPUL, f"submission:{source}:{reference}:{body}")


def command_id(publisher: str, idempotency_key: str) -> UUID:
    """The id of an HTTP command, as its sender named it."""
    return uuid5(SIMPUL, f"command:{publisher}:{idempotency_key}")


def event_id(cause: UUID, type_: str, ordinal: int) -> UUID:
    """The id of the `ordinal`-th (from 0) event of `type_` that is said because of `cause`."""
    name = f"event:{cause}:{type_}:{ordinal}".encode()
    # uuid5, in a third of its time: there is one for everything that is ever said
    digest = int.from_bytes(sha1(_NAMESPACE + name, usedforsecurity=False).digest()[:16], "big")
    return UUID(int=digest & ~_NAMED | _AS_VERSION_5)


def aggregate_key(record_key: str) -> UUID:
    """The key under which the monitor states one aggregate, which is of no single complaint."""
    return uuid5(SIMPUL, f"aggregate:{record_key}")


def notice_id(cause: UUID, ticket: str) -> UUID:
    """The id of what is told to the reporter of `ticket` because of `cause`: one fact is told to each once."""
    return uuid5(SIMPUL, f"notice:{cause}:{ticket}")


def clock_event_id(
    complaint: UUID, type_: str, clock: str, disposition: int | None, level: int, occurrence: int
) -> UUID:
    """The id of a clock's event: named by what happened to which clock, whatever caused it to be seen."""
    return uuid5(SIMPUL, f"clock:{complaint}:{type_}:{clock}:{disposition or 0}:{level}:{occurrence}")
