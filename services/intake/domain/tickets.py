"""Tickets: short numbers that a citizen can read aloud, that nobody can guess, and that betray a slip."""

import hmac
from uuid import UUID

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32: no I, L, O or U."""

BODY = 10
LENGTH = BODY + 1

_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_FORGIVEN = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None, "\N{NO-BREAK SPACE}": None})


class Mistyped(ValueError):
    """What was typed cannot be a ticket: a letter too many or too few, a foreign one, or two swapped."""


def ticket_for(complaint_id: UUID, ordinal: int, key: bytes) -> str:
    """The `ordinal`-th (from 0) ticket of a complaint: 50 bits of a keyed hash and a check character.

    The ordinal rises only where another complaint has the ticket already.
    """
    digest = hmac.digest(key, complaint_id.bytes + ordinal.to_bytes(2, "big"), "sha256")
    number = int.from_bytes(digest[:7], "big") >> 6
    body = "".join(ALPHABET[number >> shift & 31] for shift in range(45, -1, -5))
    return body + check_character(body)


def check_character(body: str) -> str:
    """The last character, from the ten before it.

    A linear code over the field of 32 elements: every single wrong character and every swap of two shows.
    """
    remainder = 0
    for letter in body:
        remainder = _times_alpha(remainder ^ _VALUES[letter])
    return ALPHABET[remainder]


def _times_alpha(value: int) -> int:
    """Times the generator of GF(2^5), modulo x^5 + x^2 + 1."""
    value <<= 1
    return value ^ 0b100101 if value & 32 else value


def read_ticket(typed: str) -> str:
    """The ticket that somebody typed: any case, dashes and spaces, I or L for 1, O for 0. Raises Mistyped."""
    letters = typed.upper().translate(_FORGIVEN)
    if len(letters) != LENGTH:
        raise Mistyped(f"is mistyped: a ticket has {LENGTH} letters and digits")
    if any(letter not in _VALUES for letter in letters):
        raise Mistyped("is mistyped: it holds a character that no ticket has")
    if check_character(letters[:BODY]) != letters[BODY]:
        raise Mistyped("is mistyped: its last character does not fit the others")
    return letters


def grouped(ticket: str) -> str:
    """The ticket as it is printed for people: `ABCDE-FGHJK-M`."""
    return f"{ticket[:5]}-{ticket[5:BODY]}-{ticket[BODY:]}"
