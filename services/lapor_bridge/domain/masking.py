"""Identifiers out of what people write in LAPOR, before it is said to the hub (DESIGN §3, personal data).

Complaints are masked by intake; replies come through here. Exports and the API glue words together, so
numbers are found without word borders.
"""

import re

_RULES = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[surel]"),
    (re.compile(r"(?<!\d)\d{4}(?:[ .-]?\d{4}){3}(?!\d)|\d{16,}"), "[NIK]"),
    (re.compile(r"(?<!\d)(?:\+?62|0)[ .-]?8\d{1,2}(?:[ .-]?\d{3,4}){2,3}(?!\d)"), "[telepon]"),
    (re.compile(r"(?<!\d)\(?0\d{2,3}\)?[ .-]\d{3,4}[ .-]?\d{3,4}(?!\d)"), "[telepon]"),
)


def masked(text: str) -> str:
    """The text with NIK and KK numbers, telephone numbers and e-mail addresses replaced by words."""
    for pattern, word in _RULES:
        text = pattern.sub(word, text)
    return text
