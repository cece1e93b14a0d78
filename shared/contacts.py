"""The numbers and addresses that a city publishes as its own: they may stand where all others are masked."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
)

from shared.city_files import Dated, place_in_file
from shared.events.parts import OpdCode

DOCUMENT = "contacts"
"""How the city's file is called, without its ending."""


def plainly(written: str) -> str:
    """One spelling of a number or address: `+62 741 600000`, `(0741) 600000` and `0741-600000` are one."""
    if "@" in written:
        return written.strip().casefold()
    digits = "".join(letter for letter in written if letter.isdecimal())
    return f"0{digits[2:].removeprefix('0')}" if digits.startswith("62") else digits


def _whole(written: str) -> str:
    name, at, host = plainly(written).partition("@")
    if at and not (name and "." in host.strip(".")):
        raise ValueError("is no e-mail address")
    if not at and not 5 <= len(name) <= 15:
        raise ValueError("has 5 to 15 digits as a number; a shorter one is never masked")
    return written


class Contact(Dated):
    """An office's number or address, on the days on which it is the office's."""

    model_config = ConfigDict(extra="forbid")

    value: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_whole)]
    of: OpdCode | None = None
    what: Annotated[str, StringConstraints(min_length=2, max_length=200)]
    certainty: Literal["A", "B", "C"]
    source: str


class _Contacts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    contacts: tuple[Contact, ...]


def contacts_of(
    documents: Mapping[str, Any], problems: list[str], *, strict: bool = True
) -> tuple[Contact, ...]:
    """The contacts in a city's documents; none in a city that was stored before there were any.

    What is wrong with them goes to `problems`, by file and place. Not `strict`: fields that this code does not know
    are ignored; a newer version of it may have stored them.
    """
    found = documents.get(DOCUMENT, {"contacts": ()})
    try:
        return _Contacts.model_validate(found, extra=None if strict else "ignore").contacts
    except ValidationError as refused:
        problems += [f"{DOCUMENT}.yaml: {place_in_file(e['loc'])}: {e['msg']}" for e in refused.errors()]
        return ()


def published(contacts: Sequence[Contact], on: date) -> frozenset[str]:
    """What may stand on that local day, plainly spelled."""
    return frozenset(plainly(contact.value) for contact in contacts if contact.holds(on))
