"""Masking: numbers and addresses that name a person are taken out of text before anybody else reads it.

Names are not found by rule, and places are wanted: the text goes to routing. What a plain rule must not
miss (16 digits glued to words, telephone numbers, e-mail) is ours; numbers that only their label betrays
(rekening, BPJS, paspor, NPWP) are `lokal-id`'s. Masking is not erasure: the text still expires (DESIGN §3).
Whoever lets words into the hub masks them by these rules: intake the citizen's, routing the officials', the
bridge LAPOR's.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from lokal import detect_pii

from shared.contacts import plainly

_SEPARATOR = r"[\s.\-\u200b\u2010-\u2015]"
_LETTER = r"[^\W\d_]"

# also where the end was torn off, as LAPOR does when it sets a capital after each full stop: nama@contoh. Com
_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")
_SIXTEEN = re.compile(
    r"\d{16,}"
    # as it is printed on forms, or read aloud: 1571 0123 4567 8901, 157101-234567-8901, 15.71.01.234567.8901
    rf"|(?<!\d)\d{{4}}(?:{_SEPARATOR}\d{{4}}){{3}}(?!\d)"
    rf"|(?<!\d)\d{{6}}{_SEPARATOR}\d{{6}}{_SEPARATOR}\d{{4}}(?!\d)"
    rf"|(?<!\d)\d\d{_SEPARATOR}\d\d{_SEPARATOR}\d\d{_SEPARATOR}?\d{{6}}{_SEPARATOR}?\d{{4}}(?!\d)"
)
_PHONE = re.compile(
    # mobile: 08…, 62 8…, +62 8…; 10 to 14 digits in all
    rf"(?<!\d)(?:\+?62{_SEPARATOR}?\(?0?\)?|0)8(?:{_SEPARATOR}?\d){{7,12}}(?!\d)"
    # fixed line with its area code: (0741) 60123, 0741-60123, 021 5550123
    rf"|(?<!\d)(?:\(0[2-79]\d{{1,2}}\){_SEPARATOR}?|0[2-79]\d{{1,2}}{_SEPARATOR}|\+62{_SEPARATOR}?[2-79]\d{{1,2}}{_SEPARATOR}?)"
    rf"\d{{3,4}}{_SEPARATOR}?\d{{2,4}}(?!\d)"
    # from abroad
    rf"|\+\d(?:{_SEPARATOR}?\d){{8,14}}(?!\d)"
)

_BY_LABEL: dict[str, str] = {
    "NIK": "[NIK]",
    "KK": "[KK]",
    "NPWP": "[NPWP]",
    "PASSPORT": "[paspor]",
    "SIM": "[SIM]",
    "NIP": "[NIP]",
    "BPJS": "[BPJS]",
    "PHONE": "[telepon]",
    "BANK_ACCOUNT": "[rekening]",
    "CARD": "[kartu]",
}
"""What `lokal-id` is asked for, and the word that takes its place."""

_KINDS = tuple(dict.fromkeys(word.strip("[]") for word in (*_BY_LABEL.values(), "[surel]", "[nomor]")))
"""Every word that may take an identifier's place."""

_LABELLED = re.compile(
    rf"(?<!{_LETTER})(?:nik|ktp|kk|npwp|paspor|passport|sim|nip|nrp|bpjs|kis|jkn|hp|no ?hp|telp|tlp|telpon|"
    r"telepon|phone|handphone|whatsapp|wa|rek|norek|rekening|va|virtual account|kartu|bca|bni|bri|mandiri|"
    rf"btn|bsi|dana|ovo|gopay)(?!{_LETTER})\D{{0,40}}\d(?:{_SEPARATOR}?\d){{4}}",
    re.IGNORECASE,
)
_FIVE_DIGITS = re.compile(rf"\d(?:{_SEPARATOR}?\d){{4}}")


@dataclass(frozen=True, slots=True)
class Masked:
    """Words without identifiers, and which words took their place: `("NIK", "telepon")`."""

    text: str
    kinds: tuple[str, ...] = ()


def mask(text: str, limit: int, published: Collection[str] = ()) -> Masked:
    """`text` without identifiers, at most `limit` characters (a mask may be longer than what it covers).

    `published`: the city's own numbers and addresses, as `contacts.plainly` spells them, which may stand.
    """
    before = text
    while (fewer := _masked_once(text, published)) != text:
        text = fewer
    kinds = tuple(kind for kind in _KINDS if text.count(f"[{kind}]") > before.count(f"[{kind}]"))
    return Masked(text[:limit], kinds)


def masked(text: str, limit: int, published: Collection[str] = ()) -> str:
    """The text that `mask` leaves."""
    return mask(text, limit, published).text


def _masked_once(text: str, published: Collection[str]) -> str:
    text = _EMAIL.sub(_unless(published, "[surel]"), text) if "@" in text else text
    if _FIVE_DIGITS.search(text) is None:
        return text
    text = _SIXTEEN.sub(_sixteen_or_more, text)
    text = _PHONE.sub(_unless(published, "[telepon]"), text)
    # lokal-id takes 1.7 ms for 600 characters, all else a few µs: it is asked only where it may find something
    return _masked_by_label(text, published) if _LABELLED.search(text) else text


def _unless(published: Collection[str], word: str) -> Callable[[re.Match[str]], str]:
    return lambda found: found[0] if plainly(found[0]) in published else word


def _sixteen_or_more(found: re.Match[str]) -> str:
    return "[NIK]" if sum(letter.isdecimal() for letter in found[0]) == 16 else "[nomor]"


def _masked_by_label(text: str, published: Collection[str]) -> str:
    pieces: list[str] = []
    end = 0
    for match in detect_pii(text, types=tuple(_BY_LABEL)):  # type: ignore[arg-type]
        if (
            _FIVE_DIGITS.search(match.value) is None
            or "[" in match.value
            or plainly(match.value) in published
        ):
            continue
        pieces += [text[end : match.start], _BY_LABEL[match.type]]
        end = match.end
    return "".join([*pieces, text[end:]])
