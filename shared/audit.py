"""The audit: who did what, when, on which complaint; written with the act, in one transaction, and never changed.

The table is `audit.acts` of each service's store. The service's role may add rows to it and read them; the
database itself refuses it everything else (`database.migrate`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.database import Transaction


class Who(Protocol):
    """Whoever acts: an `access.Caller`, or an `Operator`."""

    @property
    def name(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def opd(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody at the command line, by the name that they gave."""

    name: str
    role: str = "operator"
    opd: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """Who does what, for `Desk.command` to note with it. `about`: what else must be known; never a citizen's words."""

    who: Who
    act: str
    about: str | None = None


async def note(
    tx: Transaction, who: Who, act: str, complaint: UUID | None, now: datetime, about: str | None = None
) -> None:
    """Write down that `who` did `act`, in the transaction in which it is done."""
    await tx.execute(
        "INSERT INTO audit.acts (at, name, role, opd, act, complaint_id, about)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        now,
        who.name,
        who.role,
        who.opd,
        act,
        complaint,
        about,
    )
