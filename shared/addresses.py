"""Names that others give to what they send: one that is a person's number or address is nobody's to pass on.

A reference travels in events, receipts and record keys, and ids are derived from it.
"""

import re

_SEPARATOR = r"[\s.\-\u200b\u2010-\u2015]"

_ADDRESS = re.compile(
    r"(?:[A-Za-z]+[:_-])?(?:"
    # e-mail, and what WhatsApp makes of a number: 62812…@c.us. In angle brackets it is the id of one message
    r"[^@\s:<]+@[^@\s]+\.[^@\s>]+"
    rf"|(?:\+?62{_SEPARATOR}?|0)8(?:{_SEPARATOR}?\d){{8,11}}"
    rf"|\+\d(?:{_SEPARATOR}?\d){{8,14}}"
    # no province has the code 20, but many a number begins with the year
    r"|(?!20)\d{16})"
)

_BETWEEN = re.compile(r"[\s,;|/]+")

IS_AN_ADDRESS = (
    "is a telephone number, an e-mail address or a NIK: give a name of your own that leads to nobody"
)

HIDDEN = "[hidden]"
"""What stands in a receipt in place of a reference that is an address."""


def is_address(name: str) -> bool:
    """Whether the whole of it, or a word in it, is an e-mail address, a telephone number or a NIK.

    Not whether one is somewhere inside: a random id would now and then hold the digits of a number.
    """
    return any(_ADDRESS.fullmatch(one) is not None for one in (name.strip(), *_BETWEEN.split(name)))


def nobodys(name: str | None) -> str | None:
    """The name, for pydantic to check. Raises ValueError where it is an address."""
    if name is not None and is_address(name):
        raise ValueError(IS_AN_ADDRESS)
    return name
