"""HTTP commands that carry an Idempotency-Key: done once, answered the same again (DESIGN §4.11)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Transaction
from shared.decision import Refused
from shared.events.parts import FieldError


@dataclass(frozen=True, slots=True)
class Once:
    """A command by the name that its publisher gave it, and the body that came with it."""

    publisher: str
    name: str
    body: bytes


async def kept(tx: Transaction, once: Once) -> bytes | None:
    """The answer given before to the same command; None the first time, empty where it was erased.

    Refused where the body is another.
    """
    row = await tx.fetchrow(
        "SELECT body_hash, answer FROM delivery.commands WHERE publisher = $1 AND name = $2",
        once.publisher,
        once.name,
    )
    if row is None:
        return None
    if row["body_hash"] != hashlib.sha256(once.body).digest():
        raise Refused(
            [FieldError(field="Idempotency-Key", reason="was used before for another request")], conflict=True
        )
    answer: bytes = row["answer"]
    return answer


async def keep(tx: Transaction, key: UUID, once: Once, answer: bytes, now: datetime) -> None:
    """Remember the answer about a complaint, in the transaction of what it answers."""
    await tx.execute(
        "INSERT INTO delivery.commands (publisher, name, body_hash, answer, at, key)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        once.publisher,
        once.name,
        hashlib.sha256(once.body).digest(),
        answer,
        now,
        key,
    )
