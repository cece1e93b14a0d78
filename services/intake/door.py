"""The door to one complaint: who may act on it, by a key or with its tracking secret."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyHeader

from services.intake import store
from services.intake.domain.channels import LAPOR
from services.intake.domain.complaint import Complaint
from services.intake.domain.keyed import secret_hash
from services.intake.domain.means import Means
from services.intake.domain.tickets import Mistyped, read_ticket
from services.intake.store import Doorway
from shared.access import BEARER, Access, Caller, Denied, Role
from shared.decision import Refused
from shared.delivery.desk import Desk
from shared.events.parts import By, FieldError
from shared.web import NotFound

TicketInPath = Annotated[str, Path(max_length=40, description="as the citizen was given it")]
_SECRET = APIKeyHeader(
    name="Simpul-Secret",
    scheme_name="secret",
    auto_error=False,
    description="The tracking secret that was returned when the complaint was created; it takes a key's place.",
)


def _no_secret() -> None:
    """Where none counts."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts on which complaint. `caller` is None where the tracking secret alone let them in."""

    at: Doorway
    caller: Caller | None

    @property
    def complaint_id(self) -> UUID:
        return self.at.ref.complaint_id

    @property
    def by(self) -> By:
        """A publisher speaks for the citizen; a verifier or admin for themselves, by the key's name."""
        if self.caller is None or self.caller.role in ("publisher", "bridge"):
            return By(kind="citizen")
        return By(kind="person", name=self.caller.name)

    @property
    def name(self) -> str:
        """For the audit, and under which Idempotency-Keys are kept. No key's name holds a colon."""
        return self.caller.name if self.caller else f"secret:{self.at.ref.ticket}"

    @property
    def role(self) -> str:
        return self.caller.role if self.caller else "citizen"

    @property
    def opd(self) -> str | None:
        return self.caller.opd if self.caller else None


class Door:
    """Lets in who may act on the complaint of the address, and nobody learns anything at a closed one."""

    def __init__(self, desk: Desk[Complaint, Means], access: Access) -> None:
        self._desk = desk
        self._access = access

    def opens(self, *roles: Role, secret: bool = False) -> Callable[..., Awaitable[Actor]]:
        """A FastAPI dependency: for these roles, and with `secret` for whoever has the tracking secret.

        A publisher (and the bridge) only where the complaint is its own, an OPD where it has the case, other
        officials at every one. 401 without or with a wrong key, 403 where its role never may, else 404: also
        where the ticket is another's, or the secret another one's.
        """

        wanted = [*roles, "the tracking secret"] if secret else [*roles]
        given = Security(_SECRET) if secret else Depends(_no_secret)

        async def who(
            request: Request,
            ticket: TicketInPath,
            _: Annotated[None, Security(BEARER, scopes=[*roles])],
            told: Annotated[str | None, given],
        ) -> Actor:
            caller = None
            if told is None or "authorization" in request.headers:
                caller = await self._access.known(request)
            else:
                await self._access.anybody(request)
            if caller is not None and caller.role not in roles:
                if told is None:
                    raise Denied(
                        403, f"a key with role {caller.role} may not do this; it takes {' or '.join(wanted)}"
                    )
                caller = None
            async with self._desk.read() as connection:
                at = await store.find_doorway(connection, read_ticket_in_path(ticket))
            if at is not None and caller is not None and _is_for(caller, at):
                return Actor(at, caller)
            if at is not None and told is not None and _fits(told, at):
                return Actor(at, None)
            raise NotFound("no complaint of yours has this ticket")

        return who


def read_ticket_in_path(ticket: str) -> str:
    """The ticket of an address, as people type it. Raises Refused."""
    try:
        return read_ticket(ticket)
    except Mistyped as wrong:
        raise Refused([FieldError(field="ticket", reason=str(wrong))]) from None


def _is_for(caller: Caller, at: Doorway) -> bool:
    if caller.role == "bridge":
        return at.source == LAPOR
    if caller.role == "opd":
        return at.opd is not None and at.opd == caller.opd
    return caller.role != "publisher" or (at.source == caller.name != LAPOR)


def _fits(secret: str, at: Doorway) -> bool:
    return at.secret_hash is not None and hmac.compare_digest(secret_hash(secret), at.secret_hash)
