"""The registry of the city as routing knows it: agencies, regions, categories, topics, dated owners.

Everything here is dated data read from documents (`opds`, `regions`, `categories`, `routing`, `contacts`); nothing
about a real city stands in code. Text is matched in `topics.py`.
"""

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from shared import contacts
from shared.city_files import Dated, place_in_file
from shared.contacts import Contact
from shared.events.parts import OpdCode, Place
from shared.events.routing import ExtendableClock

OFFICE_OF_THE_PLACE = "KECAMATAN"
"""Stands in an owner rule for the kecamatan office of the place the complaint is about."""

ROOT = "root"
"""Kind of the government itself: LAPOR parks reports on it; it is never a routing answer."""

DOCUMENTS = ("opds", "regions", "categories", "routing", contacts.DOCUMENT)
"""What routing needs of a city, by the names of the files without their ending."""

Certainty = Literal["A", "B", "C"]
"""A official artefact, B press or one page, C general knowledge or judgement (DOMAIN.md)."""

Words = Annotated[str, StringConstraints(min_length=2, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(min_length=1, pattern=r"^[a-z0-9_]+$")]
Share = Annotated[float, Field(ge=0, le=1)]


class CityRefused(ValueError):
    """The documents of a city that cannot be used; `problems` names each by file and field."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_R = TypeVar("_R", bound=_Record)


class _Dated(_Record, Dated):
    certainty: Certainty


class Opd(_Dated):
    """One that can be named as responsible: an agency of the city (`inside`), or a body outside it."""

    code: OpdCode
    name: Words
    aliases: tuple[Words, ...] = ()
    kind: str
    parent: str | None = None
    inside: bool
    region: str | None = None
    duties: tuple[str, ...] = ()
    verified: bool
    last_seen: str | None = None
    source: str
    note: str | None = None


class Kelurahan(_Record):
    """An urban village. `match` says whether its bare name is telling or needs "kel." before it."""

    code: Annotated[str, StringConstraints(pattern=r"^\d{2}\.\d{2}\.\d{2}\.\d{4}$")]
    name: Words
    aliases: tuple[Words, ...] = ()
    aliases_likely: tuple[Words, ...] = ()
    match: Literal["word", "needs_prefix"]
    centre: tuple[float, float]
    postal_codes: tuple[str, ...] = ()
    note: str | None = None


class Kecamatan(Kelurahan):
    """A district, with its kelurahan."""

    code: Annotated[str, StringConstraints(pattern=r"^\d{2}\.\d{2}\.\d{2}$")]
    kelurahan: Annotated[tuple[Kelurahan, ...], Field(min_length=1)]


class Shared(_Record):
    """A name that means several kecamatan together: ask, do not pick."""

    names: Annotated[tuple[Words, ...], Field(min_length=1)]
    kecamatan: Annotated[tuple[str, ...], Field(min_length=2)]
    note: str | None = None


class Beyond(_Record):
    """Names of places outside the city, and who answers for them."""

    names: Annotated[tuple[Words, ...], Field(min_length=1)]
    opd: OpdCode
    certainty: Certainty
    note: str | None = None


class Category(_Record):
    """A LAPOR category. `strength` says how often it alone names the right agency; without topic: never."""

    id: int | None = None
    top: Words
    sub: Words | None = None
    topic: Name | None
    strength: Literal["high", "medium", "low"]
    certainty: Certainty
    elsewhere: str | None = None
    note: str | None = None

    @property
    def name(self) -> str:
        """The name as LAPOR prints it in an export: the line itself, without its top."""
        return self.sub or self.top


class Topic(_Record):
    """What a complaint is about, found by its words. `weak_cues` only support another sign."""

    topic: Name
    name: Words
    cues: tuple[Words, ...] = ()
    weak_cues: tuple[Words, ...] = ()
    urgency: Literal["normal", "urgent"] = "normal"
    always_confidential: bool = False
    note: str | None = None


class Circumstance(_Record):
    """Something the text may say that changes the owner, such as "jalan nasional"."""

    circumstance: Name
    name: Words
    phrases: Annotated[tuple[Words, ...], Field(min_length=1)]
    note: str | None = None


class Otherwise(_Record):
    """Another owner where the text tells a circumstance."""

    when: Name
    opd: str
    certainty: Certainty = "C"
    note: str | None = None


class OwnerRule(_Dated):
    """Who owns a topic in a span of days. The first exception told wins; `others` are shown to a verifier."""

    topic: Name
    opd: str
    exceptions: tuple[Otherwise, ...] = ()
    others: tuple[str, ...] = ()
    source: str | None = None
    note: str | None = None

    @property
    def id(self) -> str:
        """The rule's name in traces: topic and the day it began."""
        return f"{self.topic}@{self.valid_from.isoformat() if self.valid_from else 'awal'}"


class Deciding(_Record):
    """The numbers by which routing decides alone; what each means stands beside it in the city's file."""

    title_factor: Annotated[float, Field(ge=1)]
    cue_weights: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]
    weak_weight: Annotated[float, Field(gt=0)]
    doubt: Annotated[float, Field(gt=0)]
    gap_words: Annotated[int, Field(ge=1, le=20)]
    category_confidence: dict[Literal["high", "medium", "low"], Share]
    silent_below: Share
    agreed: Share
    cue_alone: Share
    category_alone: Share
    candidates: Annotated[int, Field(ge=1, le=20)]

    @model_validator(mode="after")
    def _every_strength(self) -> Self:
        if len(self.category_confidence) != 3:
            raise ValueError("category_confidence must name high, medium and low")
        return self


class Extension(_Record):
    """How much more time a verifier may give on one clock: so often, and so many working days at once."""

    times: Annotated[int, Field(ge=1, le=10)]
    days: Annotated[int, Field(ge=1, le=90)]
    certainty: Certainty | None = None
    source: str | None = None
    note: str | None = None


class _Opds(_Record):
    opds: Annotated[tuple[Opd, ...], Field(min_length=1)]


class _Region(_Record):
    code: str
    name: str


class _Regions(_Record):
    city: _Region
    kecamatan: Annotated[tuple[Kecamatan, ...], Field(min_length=1)]
    shared_names: tuple[Shared, ...] = ()
    outside: tuple[Beyond, ...] = ()


class _Categories(_Record):
    categories: Annotated[tuple[Category, ...], Field(min_length=1)]


class _Routing(_Record):
    deciding: Deciding
    spellings: dict[str, str] = {}
    abbreviations: tuple[str, ...] = ()
    topics: Annotated[tuple[Topic, ...], Field(min_length=1)]
    circumstances: tuple[Circumstance, ...] = ()
    owners: Annotated[tuple[OwnerRule, ...], Field(min_length=1)]
    extensions: dict[ExtendableClock, Extension] = {}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who answers for a topic at a place on a day, and by which rule; `opd` None where `lacking` says why.

    `others` are the codes that the rule names beside: a verifier may want one of them.
    """

    opd: Opd | None
    rule: str | None
    others: tuple[str, ...] = ()
    lacking: Literal["no_rule", "kecamatan_unknown", "opd_not_in_force"] | None = None

    @property
    def code(self) -> str | None:
        return self.opd.code if self.opd else None

    @property
    def inside(self) -> bool:
        """Whether the city itself can be told to answer."""
        return self.opd is not None and self.opd.inside


@dataclass(frozen=True, eq=False)
class City:
    """One version of the registry in memory. Compared by identity: a version is loaded once and kept."""

    version: int
    code: str
    name: str
    opds: tuple[Opd, ...]
    kecamatan: tuple[Kecamatan, ...]
    shared_names: tuple[Shared, ...]
    outside: tuple[Beyond, ...]
    categories: tuple[Category, ...]
    topics: Mapping[str, Topic]
    circumstances: tuple[Circumstance, ...]
    owners: Mapping[str, tuple[OwnerRule, ...]]
    deciding: Deciding
    spellings: Mapping[str, str]
    abbreviations: frozenset[str]
    extensions: Mapping[ExtendableClock, Extension]
    contacts: tuple[Contact, ...]
    _by_code: dict[str, tuple[Opd, ...]] = field(repr=False)
    _by_institution: dict[str, tuple[Opd, ...]] = field(repr=False)
    _by_category: dict[str, Category | None] = field(repr=False)
    _by_region: dict[str, Kelurahan] = field(repr=False)

    def opd(self, code: str, on: date) -> Opd | None:
        """The agency of that code as it stood on that day; None where there was none."""
        for opd in self._by_code.get(code, ()):
            if opd.holds(on):
                return opd
        return None

    def opd_by_institution(self, institution: str, on: date) -> Opd | None:
        """The agency that LAPOR calls so: by code, name or alias, without case, punctuation or "Kota Jambi".

        None for an institution we do not know, and for the government itself, which means "still unrouted".
        An agency no longer in force is not found under a name that a successor carries.
        """
        found = self._by_institution.get(_institution(institution, self.name), ())
        return next((opd for opd in found if opd.holds(on) and opd.kind != ROOT), None)

    def kecamatan_office(self, place: Place | None, on: date) -> Opd | None:
        """The kecamatan office of a place, by its codes; None where neither code is known here."""
        code = self.kecamatan_code(place)
        return next((o for o in self.opds if o.region == code and o.holds(on)), None) if code else None

    def kecamatan_code(self, place: Place | None) -> str | None:
        """The kecamatan of a place's codes; a kelurahan names its own."""
        if place is None:
            return None
        for code in (place.kelurahan, place.kecamatan):
            if code and code in self._by_region:
                return code[:8]
        return None

    def region(self, code: str) -> Kelurahan | None:
        """The kecamatan or kelurahan of an official code."""
        return self._by_region.get(code)

    def published(self, on: date) -> frozenset[str]:
        """The city's own numbers and addresses on that local day, which may stand in what officials write."""
        return contacts.published(self.contacts, on)

    def category(self, hint: str | None) -> Category | None:
        """The LAPOR category meant by an id, a name, or "TOP / SUB".

        None where it is unknown, or where a name stands for several that differ in topic.
        """
        return self._by_category.get(_folded(hint)) if hint else None

    def owner(self, topic: str, place: Place | None, on: date, told: Set[str] = frozenset()) -> Owner:
        """Who owns the topic at that place on that local day.

        `told` are the circumstances that the text tells: the rule's first exception among them wins.
        """
        for rule in self.owners.get(topic, ()):
            if rule.holds(on):
                break
        else:
            return Owner(None, None, lacking="no_rule")
        exception = next((e for e in rule.exceptions if e.when in told), None) if told else None
        if exception is None:
            code, name, others = rule.opd, rule.id, rule.others
        else:
            code, name = exception.opd, f"{rule.id}+{exception.when}"
            others = (rule.opd, *(other for other in rule.others if other != code))
        opd = self.named(code, place, on)
        if opd is not None:
            return Owner(opd, name, others)
        unknown = code == OFFICE_OF_THE_PLACE
        return Owner(None, name, others, "kecamatan_unknown" if unknown else "opd_not_in_force")

    def named(self, code: str, place: Place | None, on: date) -> Opd | None:
        """The agency that a rule's code stands for at that place on that day."""
        return self.kecamatan_office(place, on) if code == OFFICE_OF_THE_PLACE else self.opd(code, on)


def parse_city(documents: Mapping[str, Any], version: int = 0, *, strict: bool = True) -> City:
    """The city that the documents describe. Raises CityRefused with every problem, by file and field.

    Not `strict`: fields that this code does not know are ignored; a newer version of it may have stored them.
    """
    problems: list[str] = []
    opds = _read(_Opds, documents, "opds", problems, strict)
    regions = _read(_Regions, documents, "regions", problems, strict)
    categories = _read(_Categories, documents, "categories", problems, strict)
    routing = _read(_Routing, documents, "routing", problems, strict)
    own = contacts.contacts_of(documents, problems, strict=strict)
    if opds is None or regions is None or categories is None or routing is None:
        raise CityRefused(problems)
    problems += [
        *_contact_problems(own, opds),
        *_opd_problems(opds, regions),
        *_region_problems(regions, opds),
        *_category_problems(categories, routing),
        *_routing_problems(routing, opds),
    ]
    if problems:
        raise CityRefused(problems)
    by_code: dict[str, tuple[Opd, ...]] = {}
    by_institution: dict[str, tuple[Opd, ...]] = {}
    for opd in opds.opds:
        by_code[opd.code] = (*by_code.get(opd.code, ()), opd)
        for name in dict.fromkeys(_institution(n, regions.city.name) for n in _names(opd)):
            by_institution[name] = (*by_institution.get(name, ()), opd)
    owners: dict[str, tuple[OwnerRule, ...]] = {}
    for rule in routing.owners:
        owners[rule.topic] = (*owners.get(rule.topic, ()), rule)
    return City(
        version=version,
        code=regions.city.code,
        name=regions.city.name,
        opds=opds.opds,
        kecamatan=regions.kecamatan,
        shared_names=regions.shared_names,
        outside=regions.outside,
        categories=categories.categories,
        topics={topic.topic: topic for topic in routing.topics},
        circumstances=routing.circumstances,
        owners=owners,
        deciding=routing.deciding,
        spellings=routing.spellings,
        abbreviations=frozenset(routing.abbreviations),
        extensions=routing.extensions,
        contacts=own,
        _by_code=by_code,
        _by_institution=by_institution,
        _by_category=_categories_by_hint(categories.categories),
        _by_region={region.code: region for region in _regions(regions)},
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
        problems += [f"{name}.yaml: {place_in_file(e['loc'])}: {e['msg']}" for e in refused.errors()]
        return None


def _names(opd: Opd) -> tuple[str, ...]:
    return (opd.code, opd.name, *opd.aliases)


def _regions(regions: _Regions) -> list[Kelurahan]:
    return [region for kec in regions.kecamatan for region in (kec, *kec.kelurahan)]


def _institution(name: str, city: str) -> str:
    """A name fit for comparing: no case, no punctuation, no city's name at its end, "kec." spelled out."""
    words = re.findall(r"[a-z0-9]+", name.casefold())
    words = ["kecamatan" if word == "kec" else word for word in words]
    tail = city.casefold().split()
    if len(words) > len(tail) and words[-len(tail) :] == tail:
        words = words[: -len(tail)]
    return " ".join(words)


def _folded(hint: str) -> str:
    return " ".join(hint.replace("\u00a0", " ").casefold().split())


def _categories_by_hint(categories: Iterable[Category]) -> dict[str, Category | None]:
    by_hint: dict[str, Category | None] = {}
    for category in categories:
        full = f"{category.top} / {category.sub}" if category.sub else category.top
        for hint in {_folded(full), *([str(category.id)] if category.id is not None else [])}:
            by_hint[hint] = category
    by_name: dict[str, list[Category]] = {}
    for category in categories:
        by_name.setdefault(_folded(category.name), []).append(category)
    for name, several in by_name.items():
        alike = len({category.topic for category in several}) == 1
        by_hint.setdefault(name, several[0] if alike else None)
    return by_hint


def _overlap(a: _Dated, b: _Dated) -> bool:
    return (a.valid_to is None or b.valid_from is None or b.valid_from <= a.valid_to) and (
        b.valid_to is None or a.valid_from is None or a.valid_from <= b.valid_to
    )


def _opd_problems(opds: _Opds, regions: _Regions) -> list[str]:
    problems: list[str] = []
    codes = {opd.code for opd in opds.opds}
    kecamatan = {kec.code for kec in regions.kecamatan}
    taken: dict[str, list[tuple[int, Opd]]] = {}
    for at, opd in enumerate(opds.opds):
        if opd.parent is not None and opd.parent not in codes:
            problems.append(f"opds.yaml: opds[{at}].parent: no OPD has the code {opd.parent}")
        if opd.region is not None and opd.region not in kecamatan:
            problems.append(f"opds.yaml: opds[{at}].region: no kecamatan has the code {opd.region}")
        for name in dict.fromkeys(_institution(n, regions.city.name) for n in _names(opd)):
            for other_at, other in taken.get(name, []):
                if _overlap(opd, other):
                    problems.append(
                        f"opds.yaml: opds[{at}]: {name!r} also names {other.code} (opds[{other_at}]) "
                        "in the same days"
                    )
            taken.setdefault(name, []).append((at, opd))
    offices = {opd.region for opd in opds.opds}
    problems += [f"opds.yaml: opds: kecamatan {code} has no office" for code in sorted(kecamatan - offices)]
    return problems


def _contact_problems(own: Iterable[Contact], opds: _Opds) -> list[str]:
    codes = {opd.code for opd in opds.opds}
    return [
        f"contacts.yaml: contacts[{at}].of: no OPD has the code {contact.of}"
        for at, contact in enumerate(own)
        if contact.of is not None and contact.of not in codes
    ]


def _region_problems(regions: _Regions, opds: _Opds) -> list[str]:
    problems: list[str] = []
    codes = {opd.code for opd in opds.opds}
    seen: set[str] = set()
    for at, kec in enumerate(regions.kecamatan):
        if not kec.code.startswith(f"{regions.city.code}."):
            problems.append(f"regions.yaml: kecamatan[{at}].code: {kec.code} is not in {regions.city.code}")
        for region, where in [
            (kec, f"kecamatan[{at}]"),
            *((kel, f"kecamatan[{at}].kelurahan[{i}]") for i, kel in enumerate(kec.kelurahan)),
        ]:
            if region.code in seen:
                problems.append(f"regions.yaml: {where}.code: {region.code} stands twice")
            if not region.code.startswith(kec.code):
                problems.append(f"regions.yaml: {where}.code: {region.code} is not in {kec.code}")
            seen.add(region.code)
    for at, shared in enumerate(regions.shared_names):
        problems += [
            f"regions.yaml: shared_names[{at}].kecamatan: no kecamatan has the code {code}"
            for code in shared.kecamatan
            if code not in seen
        ]
    problems += [
        f"regions.yaml: outside[{at}].opd: no OPD has the code {beyond.opd}"
        for at, beyond in enumerate(regions.outside)
        if beyond.opd not in codes
    ]
    return problems


def _category_problems(categories: _Categories, routing: _Routing) -> list[str]:
    problems: list[str] = []
    topics = {topic.topic for topic in routing.topics}
    ids: set[int] = set()
    lines: set[tuple[str, str | None]] = set()
    for at, category in enumerate(categories.categories):
        where = f"categories.yaml: categories[{at}]"
        if category.topic is not None and category.topic not in topics:
            problems.append(f"{where}.topic: no topic is called {category.topic}")
        if category.id is not None and category.id in ids:
            problems.append(f"{where}.id: {category.id} stands twice")
        if (category.top, category.sub) in lines:
            problems.append(f"{where}: {category.name} stands twice under {category.top}")
        ids |= {category.id} if category.id is not None else set()
        lines.add((category.top, category.sub))
    return problems


def _routing_problems(routing: _Routing, opds: _Opds) -> list[str]:
    problems: list[str] = []
    codes = {opd.code for opd in opds.opds if opd.kind != ROOT} | {OFFICE_OF_THE_PLACE}
    circumstances = {c.circumstance for c in routing.circumstances}
    topics: dict[str, int] = {}
    cues: dict[str, str] = {}
    for at, topic in enumerate(routing.topics):
        if topic.topic in topics:
            problems.append(f"routing.yaml: topics[{at}].topic: {topic.topic} stands twice")
        topics[topic.topic] = at
        problems += [
            f"routing.yaml: topics[{at}].cues: {cue!r} is also a cue of {cues[_folded(cue)]}"
            for cue in topic.cues
            if cues.setdefault(_folded(cue), topic.topic) != topic.topic
        ]
    rules: dict[str, list[tuple[int, OwnerRule]]] = {}
    for at, rule in enumerate(routing.owners):
        where = f"routing.yaml: owners[{at}]"
        if rule.topic not in topics:
            problems.append(f"{where}.topic: no topic is called {rule.topic}")
        for i, exception in enumerate(rule.exceptions):
            if exception.when not in circumstances:
                problems.append(f"{where}.exceptions[{i}].when: no circumstance is called {exception.when}")
        named = (rule.opd, *rule.others, *(exception.opd for exception in rule.exceptions))
        problems += [f"{where}: {code} cannot own a topic" for code in named if code not in codes]
        problems += [
            f"{where}: owners[{other_at}] rules {rule.topic} in the same days"
            for other_at, other in rules.get(rule.topic, [])
            if _overlap(rule, other)
        ]
        rules.setdefault(rule.topic, []).append((at, rule))
    problems += [
        f"routing.yaml: topics[{at}]: {topic} has no owner"
        for topic, at in topics.items()
        if topic not in rules
    ]
    return problems
