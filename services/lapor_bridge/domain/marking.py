"""The marks that we put into what we write in LAPOR, by which it is found again (DESIGN §4.10).

LAPOR knows no idempotency key; so a report ends with the ticket of its complaint, a follow-up with a piece of
the id of the event that asked for it. Exports drop line breaks, so nothing need stand before a mark. A citizen
may quote a ticket; but hardly as the last words, in these very letters.
"""

import re
from uuid import UUID

_TICKET = re.compile(r"(?:Tiket Simpul: ?|simpul,)([0-9A-HJKMNP-TV-Z]{11})\s*$")
_MARKER = re.compile(r"\[Simpul ([0-9a-f]{12})\]")


def report_line(ticket: str) -> str:
    """The last line of a report that we make."""
    return f"Tiket Simpul: {ticket}"


def ticket_in(*texts: str | None) -> str | None:
    """The ticket that one of these texts ends with, as what we write does."""
    found = (_TICKET.search(text) for text in texts if text)
    return next((match[1] for match in found if match), None)


def marker_of(cause: UUID) -> str:
    """The mark of a follow-up that this event asked for."""
    return cause.hex[:12]


def item_line(cause: UUID) -> str:
    """The last line of a follow-up that we write."""
    return f"[Simpul {marker_of(cause)}]"


def marker_in(text: str | None) -> str | None:
    """The mark in a follow-up's text, if it carries one."""
    found = _MARKER.search(text or "")
    return found[1] if found else None
