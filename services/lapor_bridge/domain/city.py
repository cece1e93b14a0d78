"""What the bridge must know of the city: what goes to SP4N-LAPOR, by which of its numbers, and who is who.

Read from four documents: `lapor` is the bridge's own; of `opds`, `categories` and `regions`, which routing
owns, it reads only names, codes and dates. Nothing about a real city stands in code.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from services.lapor_bridge.domain.link import Operation
from shared.city_files import Dated
from shared.contacts import DOCUMENT as CONTACTS
from shared.contacts import Contact, contacts_of, published
from shared.events.parts import Channel, Klasifikasi, OpdCode, Place

DOCUMENTS = ("lapor", "opds", "categories", "regions", CONTACTS)
"""What the bridge needs of a city, by the names of the files without their ending."""

Certainty = Literal["A", "B", "C"]
"""A official artefact, B press or one page, C general knowledge, to be confirmed with the operator."""

TemplateName = Literal[
    "progress", "answer", "question", "closing", "withdrawal", "rejection",
    "not_ours", "unclear", "no_evidence", "abusive", "duplicate",
]  # fmt: skip
"""What is told: by operation, and a rejection by its kind where that has words of its own."""

Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class CityRefused(ValueError):
    """The documents of a city that cannot be used; `problems` names each by file and field."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Borrowed(BaseModel):
    """A piece of a document that routing owns: what we do not use is not ours to judge."""

    model_config = ConfigDict(frozen=True, extra="ignore")


_R = TypeVar("_R", bound=BaseModel)


class Forwarding(_Record):
    """A row of the policy: which complaints go to LAPOR, or stay. Without channels or klasifikasi it fits all."""

    channels: Annotated[tuple[Channel, ...], Field(min_length=1)] | None = None
    klasifikasi: Annotated[tuple[Klasifikasi, ...], Field(min_length=1)] | None = None
    forward: bool
    why: Words

    def covers(self, channel: str, klasifikasi: Klasifikasi | None) -> bool:
        """Whether this row speaks of such a complaint."""
        return (self.channels is None or channel in self.channels) and (
            self.klasifikasi is None or klasifikasi in self.klasifikasi
        )


class ChannelNumber(_Record):
    """LAPOR's number for a channel (null: the default one) and the name that its exports print."""

    number: int | None
    name: Words
    certainty: Certainty


class Numbered(_Record):
    """LAPOR's id and name for something; id null where nobody knows it yet."""

    id: int | None
    name: Words
    certainty: Certainty


class _Categories(_Record):
    unknown: Numbered
    instead: dict[str, Numbered] = {}


class _Government(Numbered):
    opd: OpdCode


class _User(_Record):
    id: int | None
    certainty: Certainty


class Telling(_Record):
    """How a fact of the hub is told there: LAPOR's template, if any, and our words around the fact's own.

    `{text}`, `{opd}` and `{refer_to}` are filled. `way`: an item under the report, or LAPOR's own refusal.
    """

    way: Literal["followup", "reject"] = "followup"
    template_code: str | None
    text: Words
    certainty: Certainty


class Institution(_Record):
    """LAPOR's id of an agency of ours; null: found in LAPOR's masters by name."""

    opd: OpdCode
    id: Annotated[str, StringConstraints(pattern=r"^\d{1,20}$")] | None
    certainty: Certainty


class _Lapor(_Record):
    forward: Annotated[tuple[Forwarding, ...], Field(min_length=1)]
    otherwise: bool
    channels: dict[str, ChannelNumber]
    klasifikasi: dict[Klasifikasi, Numbered]
    unclassified_as: Klasifikasi | None
    categories: _Categories
    location: Numbered
    city: _Government
    user: _User
    names_reporters: bool = True
    templates: dict[TemplateName, Telling]
    silent_templates: tuple[str, ...] = ()
    institutions: tuple[Institution, ...]


class Opd(_Borrowed, Dated):
    """An agency, or a body outside the city, as the registry names it."""

    code: OpdCode
    name: Words
    aliases: tuple[str, ...] = ()
    kind: str
    inside: bool


class _Opds(_Borrowed):
    opds: tuple[Opd, ...]


class _KnownCategory(_Borrowed):
    id: int | None = None
    top: Words
    sub: Words | None = None


class _KnownCategories(_Borrowed):
    categories: tuple[_KnownCategory, ...]


class _Kelurahan(_Borrowed):
    code: Words
    name: Words
    aliases: tuple[str, ...] = ()
    aliases_likely: tuple[str, ...] = ()


class _Kecamatan(_Kelurahan):
    kelurahan: tuple[_Kelurahan, ...]


class _Named(_Borrowed):
    name: Words


class _Regions(_Borrowed):
    city: _Named
    kecamatan: tuple[_Kecamatan, ...]


@dataclass(frozen=True, eq=False)
class City:
    """One version of the documents in memory, with LAPOR's masters beside them. Compared by identity."""

    name: str
    account: int | None
    location: int | None
    silent_templates: frozenset[str]
    names_reporters: bool
    _lapor: _Lapor = field(repr=False)
    _opds: Mapping[str, tuple[Opd, ...]] = field(repr=False)
    _opds_by_name: Mapping[str, tuple[Opd, ...]] = field(repr=False)
    _categories: Mapping[str, int | None] = field(repr=False)
    _kecamatan: Mapping[str, tuple[str, ...]] = field(repr=False)
    _kelurahan: Mapping[str, tuple[str, ...]] = field(repr=False)
    _institution_ids: Mapping[str, str] = field(repr=False)
    _opds_by_id: Mapping[str, str] = field(repr=False)
    contacts: tuple[Contact, ...] = ()

    def knowing(self, masters: Mapping[str, str]) -> "City":
        """This city with LAPOR's institutions (id -> OPD code) added to those that lapor.yaml names."""
        ids = {code: number for number, code in masters.items()} | dict(self._institution_ids)
        codes = {**masters, **self._opds_by_id}
        return replace(self, _institution_ids=ids, _opds_by_id=codes)

    def forwards(self, channel: str, klasifikasi: Klasifikasi | None) -> tuple[bool, str]:
        """Whether such a complaint goes to LAPOR, and why: the first row that covers it decides."""
        row = next((row for row in self._lapor.forward if row.covers(channel, klasifikasi)), None)
        return (row.forward, row.why) if row else (self._lapor.otherwise, f"no rule names channel {channel}")

    def telling(self, operation: Operation, kind: str | None) -> Telling | None:
        """How such a fact is told there; None: not at all."""
        names = (kind, operation) if operation == "rejection" else (operation,)
        told = self._lapor.templates.items()
        return next((row for name in names for known, row in told if known == name), None)

    def tells(self, operation: Operation, kind: str | None) -> bool:
        """Whether such a fact is told there."""
        return self.telling(operation, kind) is not None

    def channel(self, channel: str) -> int | None:
        """LAPOR's number of a channel of ours, or of the default one."""
        found = (self._lapor.channels.get(name) for name in (channel, "default"))
        return next((row.number for row in found if row and row.number is not None), None)

    def classification(self, klasifikasi: Klasifikasi | None) -> int | None:
        """LAPOR's number of a klasifikasi; of the stand-in for a complaint without one."""
        known = klasifikasi or self._lapor.unclassified_as
        row = self._lapor.klasifikasi.get(known) if known else None
        return row.id if row else None

    def category_id(self, *hints: str | None) -> int | None:
        """LAPOR's number of the first hint (an id, a name, or "TOP / SUB") that names one category only."""
        found = (self._categories.get(_words(hint)) for hint in hints if hint)
        return next((number for number in found if number is not None), self._lapor.categories.unknown.id)

    def institution_id(self, opd: str | None) -> str | None:
        """LAPOR's id of the agency, or of the city's government where that is unknown."""
        return self.institution_id_of(opd) or self.institution_id_of(self._lapor.city.opd)

    def institution_id_of(self, opd: str | None) -> str | None:
        """LAPOR's id of the agency; None where nobody knows it."""
        return self._institution_ids.get(opd or "")

    def published(self, on: date) -> frozenset[str]:
        """The city's own numbers and addresses on that local day, which may stand in what its offices write."""
        return published(self.contacts, on)

    def opd_name(self, code: str | None) -> str:
        """What the agency is called, for people to read."""
        named = self._opds.get(code or "", ())
        return named[-1].name if named else (code or self.name)

    def opd(self, institution_id: str | None, institution: str | None, on: date) -> str | None:
        """The agency or body of our registry that LAPOR means, by id, name or alias.

        None for one that we do not know, and for the government itself: it means "not yet handed on".
        """
        code = self._opds_by_id.get(institution_id or "")
        named = self._opds.get(code, ()) if code else self._opds_by_name.get(self._folded(institution), ())
        found = next((opd for opd in named if opd.holds(on)), None)
        return found.code if found and found.code != self._lapor.city.opd else None

    def code_of(self, institution: str, on: date) -> str | None:
        """The registry's code of an institution by its name or alias, the government's too."""
        named = self._opds_by_name.get(self._folded(institution), ())
        return next((opd.code for opd in named if opd.holds(on)), None)

    def place(self, city: str, kecamatan: str, kelurahan: str) -> Place | None:
        """The place that LAPOR's fields tell, as text; with official codes only where they are sure.

        Sure is a name of ours that fits one region only, in a report that names our city, or none but whose
        kelurahan lies in its kecamatan.
        """
        parts = (("Kel. ", kelurahan), ("Kec. ", kecamatan), ("", city))
        text = ", ".join(prefix + name for prefix, name in parts if name)
        if not text:
            return None
        codes = self._codes(city, kecamatan, kelurahan)
        return Place(text=text[:500], kecamatan=codes[0], kelurahan=codes[1])

    def _codes(self, city: str, kecamatan: str, kelurahan: str) -> tuple[str | None, str | None]:
        ours = _words(city) == _words(self.name)
        if city and not ours:
            return None, None
        districts = self._kecamatan.get(_words(kecamatan), ())
        villages = self._kelurahan.get(_words(kelurahan), ())
        if districts:
            villages = tuple(code for code in villages if code[:8] in districts)
        if len(villages) == 1 and (ours or districts):
            return villages[0][:8], villages[0]
        return (districts[0] if ours and len(districts) == 1 else None), None

    def _folded(self, institution: str | None) -> str:
        return _institution(institution, self.name)


def parse_city(documents: Mapping[str, Any], *, strict: bool = True) -> City:
    """The city that the documents describe. Raises CityRefused with every problem, by file and field.

    Not `strict`: fields that this code does not know are ignored; a newer version of it may have stored them.
    """
    problems: list[str] = []
    lapor = _read(_Lapor, documents, "lapor", problems, strict)
    opds = _read(_Opds, documents, "opds", problems, strict)
    categories = _read(_KnownCategories, documents, "categories", problems, strict)
    regions = _read(_Regions, documents, "regions", problems, strict)
    contacts = contacts_of(documents, problems, strict=strict)
    if lapor is None or opds is None or categories is None or regions is None:
        raise CityRefused(problems)
    by_code: dict[str, tuple[Opd, ...]] = {}
    by_name: dict[str, tuple[Opd, ...]] = {}
    for opd in opds.opds:
        by_code[opd.code] = (*by_code.get(opd.code, ()), opd)
        for name in {_institution(name, regions.city.name) for name in (opd.code, opd.name, *opd.aliases)}:
            by_name[name] = (*by_name.get(name, ()), opd)
    problems += _lapor_problems(lapor, by_code)
    if problems:
        raise CityRefused(problems)
    ids = {row.opd: row.id for row in lapor.institutions if row.id is not None}
    if lapor.city.id is not None:
        ids[lapor.city.opd] = str(lapor.city.id)
    villages = [village for district in regions.kecamatan for village in district.kelurahan]
    instead = {_words(name): row.id for name, row in lapor.categories.instead.items()}
    return City(
        name=regions.city.name,
        account=lapor.user.id,
        location=lapor.location.id,
        silent_templates=frozenset(lapor.silent_templates),
        names_reporters=lapor.names_reporters,
        _lapor=lapor,
        _opds=by_code,
        _opds_by_name=by_name,
        _categories={**_numbers(categories.categories), **instead},
        _kecamatan=_codes_by_name(regions.kecamatan),
        _kelurahan=_codes_by_name(villages),
        _institution_ids=ids,
        _opds_by_id={number: code for code, number in ids.items()},
        contacts=contacts,
    )


def _read(
    kind: type[_R], documents: Mapping[str, Any], name: str, problems: list[str], strict: bool
) -> _R | None:
    if name not in documents:
        problems.append(f"{name}.yaml: missing")
        return None
    try:
        return kind.model_validate(documents[name], extra=None if strict else "ignore")
    except ValidationError as refused:
        problems += [f"{name}.yaml: {_where(e['loc'])}: {e['msg']}" for e in refused.errors()]
        return None


def _where(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place) or "the whole file"


def _lapor_problems(lapor: _Lapor, opds: Mapping[str, tuple[Opd, ...]]) -> list[str]:
    named = [("city.opd", lapor.city.opd)]
    named += [(f"institutions.{n}.opd", row.opd) for n, row in enumerate(lapor.institutions)]
    problems = [
        f"lapor.yaml: {where}: no agency {code} in opds.yaml" for where, code in named if code not in opds
    ]
    for name, values in (
        ("opd", [row.opd for row in lapor.institutions]),
        ("id", [row.id for row in lapor.institutions if row.id]),
    ):
        twice = sorted({value for value in values if values.count(value) > 1})
        problems += [f"lapor.yaml: institutions.{name}: {value} stands twice" for value in twice]
    if lapor.channels.get("default") is None or lapor.channels["default"].number is None:
        problems.append("lapor.yaml: channels.default: needs a number")
    return problems


def _numbers(categories: Iterable[_KnownCategory]) -> dict[str, int | None]:
    """Category ids by id, by "TOP / SUB" and by bare name; None where a name stands for several."""
    numbers: dict[str, int | None] = {}
    for category in categories:
        if category.id is None:
            continue
        numbers[str(category.id)] = category.id
        full = f"{category.top} / {category.sub}" if category.sub else category.top
        numbers[_words(full)] = category.id
        bare = _words(category.sub or category.top)
        numbers[bare] = category.id if numbers.get(bare, category.id) == category.id else None
    return numbers


def _codes_by_name(regions: Iterable[_Kelurahan]) -> dict[str, tuple[str, ...]]:
    codes: dict[str, tuple[str, ...]] = {}
    for region in regions:
        for name in {_words(name) for name in (region.name, *region.aliases, *region.aliases_likely)}:
            codes[name] = (*codes.get(name, ()), region.code)
    return codes


def _institution(name: str | None, city: str) -> str:
    """An institution's name without case, punctuation and the name of the city: exports vary in all three."""
    words = _words(name)
    return words.removesuffix(_words(city)).strip() or words


def _words(name: str | None) -> str:
    return re.sub(r"[\W_]+", " ", name or "").strip().lower()
