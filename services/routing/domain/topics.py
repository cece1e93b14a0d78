"""What a complaint is about: words and category weighed into a topic, its owner named by the dated registry.

How sure is sure. A cue weighs by its words and counts more in the title; a topic's weight is the sum over its
different cues, an agency's the sum over its topics. The confidence of the words in an agency is its weight
over all weight plus `doubt`, so one short cue, or a rival, keeps it low. A category's confidence is its
strength as measured on real dispositions (see the city's routing file). Where both name one agency the two
count as independent witnesses. All numbers come from the city's `deciding`; none is tuned in code.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

from services.routing.domain.city import Category, City, Deciding, Kecamatan, Kelurahan, Opd, Owner
from shared.events.parts import Place
from shared.events.routing import Candidate

Reason = Literal[
    "no_sign",  # neither a cue nor a telling category
    "weak_evidence",  # one sign, not sure enough
    "cue_and_category_differ",
    "several_owners",  # the words point to several agencies
    "owner_outside_city",  # a verifier rejects with refer_to
    "place_outside_city",
    "kecamatan_unknown",  # the owner is the kecamatan office, and which one is not told
    "no_rule",  # nobody owns the topic on that day
    "opd_not_in_force",
]
"""Why a verifier has to decide."""

_WORD = re.compile(r"[A-Z]*[a-z]+|[A-Z]+|\d+|[.!?;]")
"""Words (split where lower case meets upper: the LAPOR export glues lines together), digits, sentence ends."""

_ENDS = frozenset(".!?;")
_GAP = ".."
_OF_KELURAHAN = frozenset({"kel", "kelurahan", "lurah"})
_OF_KECAMATAN = frozenset({"kec", "kecamatan", "camat"})
_LINES = 12
"""How many found cues a trace spells out; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What routing makes of a complaint.

    Where `agreed`, `owner` is an agency of the city in force and routing may dispose to it. Otherwise a
    verifier decides: `reasons` say why, `ranked` the best candidates first. `confidence` is 0-1. `place` is
    the complaint's place with the region codes that its text told. `trace` says in plain Indonesian lines
    how the finding came about; it quotes cues, never the complaint.
    """

    agreed: bool
    topic: str | None
    owner: Owner | None
    confidence: float
    category: str | None
    urgency: Literal["normal", "urgent"]
    always_confidential: bool
    place: Place | None
    ranked: tuple[Candidate, ...]
    reasons: tuple[Reason, ...]
    trace: tuple[str, ...]

    @property
    def opd(self) -> str | None:
        """The owner's code; for a finding that agreed it is the one to dispose to."""
        return self.owner.code if self.owner else None

    @property
    def rule(self) -> str | None:
        """The owner rule that named it, with the exception that applied."""
        return self.owner.rule if self.owner else None


@dataclass(frozen=True, slots=True, eq=False)
class _Phrase:
    """Words to be found: `tail` directly behind the first, then `after` within the allowed gap."""

    kind: Literal["cue", "weak", "circumstance", "region", "shared", "outside"]
    target: str
    shown: str
    tail: list[str]
    after: list[str]
    size: int


@dataclass(frozen=True, slots=True)
class _Hit:
    phrase: _Phrase
    at: int
    covers: int


@dataclass(frozen=True, slots=True)
class _Reading:
    """One field's words, and the phrases found in them."""

    words: list[str]
    hits: list[_Hit]


@dataclass(frozen=True, slots=True, eq=False)
class _Lexicon:
    """A city's words, ready for matching: phrases by their first word, and spellings to be read as one."""

    heads: dict[str, tuple[_Phrase, ...]]
    spelled: dict[str, str]
    abbreviations: frozenset[str]
    gap: int

    def words(self, text: str) -> list[str]:
        """The text as lower-case words in one spelling; sentence ends stay, dots of abbreviations go."""
        words = " ".join(_WORD.findall(text)).lower().split()
        if "." in words:
            shortened = self.abbreviations
            words = [
                word
                for before, word in zip(("", *words), words, strict=False)
                if word != "." or before not in shortened
            ]
        spelled = self.spelled
        return [spelled.get(word, word) for word in words]

    def read(self, text: str) -> _Reading:
        """Every phrase in the text, those inside a longer one of their kind left out, in reading order."""
        words = self.words(text)
        heads = self.heads
        found: list[_Hit] = []
        for at, word in enumerate(words):
            if word not in heads:
                continue
            for phrase in heads[word]:
                end = at + 1 + len(phrase.tail)
                if words[at + 1 : end] != phrase.tail:
                    continue
                covers = ((1 << (end - at)) - 1) << at
                if phrase.after:
                    start = self._later(words, end, phrase.after)
                    if start is None:
                        continue
                    covers |= ((1 << len(phrase.after)) - 1) << start
                found.append(_Hit(phrase, at, covers))
        return _Reading(words, _outermost(found) if len(found) > 1 else found)

    def _later(self, words: list[str], start: int, part: list[str]) -> int | None:
        size = len(part)
        for at in range(start, min(start + self.gap + 1, len(words) - size + 1)):
            if words[at : at + size] == part:
                return at
            if words[at] in _ENDS:
                return None
        return None


_CLASS = {"cue": 0, "weak": 0, "circumstance": 1, "region": 2, "shared": 2, "outside": 2}


def _outermost(hits: list[_Hit]) -> list[_Hit]:
    return [
        hit
        for hit in hits
        if not any(
            hit.covers & ~other.covers == 0
            and hit.covers != other.covers
            and _CLASS[hit.phrase.kind] == _CLASS[other.phrase.kind]
            for other in hits
        )
    ]


@lru_cache(maxsize=16)
def _lexicon(city: City) -> _Lexicon:
    def words(phrase: str) -> list[str]:
        return [
            city.spellings.get(word, word) for word in " ".join(_WORD.findall(phrase)).lower().split()
            if word not in _ENDS
        ]  # fmt: skip

    heads: dict[str, list[_Phrase]] = {}
    vocabulary: set[str] = set()

    def add(kind: Literal["cue", "weak", "circumstance", "region", "shared", "outside"],
            target: str, phrases: Iterable[str]) -> None:  # fmt: skip
        for shown in phrases:
            first, _, second = shown.partition(_GAP)
            before, after = words(first), words(second)
            if before:
                phrase = _Phrase(kind, target, shown, before[1:], after, len(before) + len(after))
                heads.setdefault(before[0], []).append(phrase)
                vocabulary.update(before, after)

    for topic in city.topics.values():
        add("cue", topic.topic, topic.cues)
        add("weak", topic.topic, topic.weak_cues)
    for circumstance in city.circumstances:
        add("circumstance", circumstance.circumstance, circumstance.phrases)
    for kecamatan in city.kecamatan:
        for region in (kecamatan, *kecamatan.kelurahan):
            names = dict.fromkeys((region.name, *region.aliases, *region.aliases_likely))
            add("region", region.code, names)
    for at, shared in enumerate(city.shared_names):
        add("shared", str(at), shared.names)
    for beyond in city.outside:
        add("outside", beyond.opd, beyond.names)
    spelled = {f"{word}nya": word for word in vocabulary if len(word) > 3}
    spelled |= city.spellings
    return _Lexicon(
        {head: tuple(sorted(phrases, key=lambda p: -p.size)) for head, phrases in heads.items()},
        spelled,
        city.abbreviations,
        city.deciding.gap_words,
    )


@dataclass(frozen=True, slots=True)
class _Where:
    """What the text told of the place: the place completed, or several kecamatan that it may be."""

    place: Place | None
    line: str | None
    several: tuple[str, ...] = ()
    outside: str | None = None


@dataclass(slots=True)
class _Evidence:
    """The weight of the words: per topic the sum, and a line for each cue."""

    weights: dict[str, float]
    lines: list[str]


def find_topic(
    title: str, text: str, category_hint: str | None, place: Place | None, city: City, on: date
) -> Finding:
    """The topic of a complaint and who owns it on the local day `on`, with the trace of how it was found.

    Pure and deterministic. Agreed only where words and category name one agency, or where either does with
    high confidence and the other is silent; never for an owner outside the city, which a verifier refers to.
    """
    lexicon = _lexicon(city)
    heading, body = lexicon.read(title), lexicon.read(text)
    title_hits, text_hits = heading.hits, body.hits
    where = _locate(place, heading, body, city, lexicon)
    category = city.category(category_hint)
    said = city.deciding.category_confidence[category.strength] if category and category.topic else 0.0
    if said < city.deciding.silent_below:
        said = 0.0
    evidence = _weigh(title_hits, text_hits, category.topic if category and said else None, city)
    told = {hit.phrase.target for hit in (*title_hits, *text_hits) if hit.phrase.kind == "circumstance"}
    named = set(evidence.weights) | ({category.topic} if category and category.topic and said else set())
    owners = {topic: city.owner(topic, where.place, on, told) for topic in sorted(named)}
    trace = [*evidence.lines, _category_line(category_hint, category, said, city)]
    if where.line:
        trace.append(where.line)
    return _decide(evidence.weights, owners, category, said, where, trace, city, on)


def _weigh(title: list[_Hit], text: list[_Hit], category_topic: str | None, city: City) -> _Evidence:
    deciding = city.deciding
    weights: dict[str, float] = {}
    lines: list[str] = []
    seen: set[_Phrase] = set()
    strong = [(hit.phrase, True) for hit in title if hit.phrase.kind == "cue"]
    strong += [(hit.phrase, False) for hit in text if hit.phrase.kind == "cue"]
    for phrase, in_title in strong:
        if phrase in seen:
            continue
        seen.add(phrase)
        table = deciding.cue_weights
        weight = table[min(phrase.size, len(table)) - 1] * (deciding.title_factor if in_title else 1.0)
        weights[phrase.target] = weights.get(phrase.target, 0.0) + weight
        lines.append(_cue_line("memuat", in_title, phrase, weight, city))
    for hits, in_title in ((title, True), (text, False)):
        for hit in hits:
            phrase = hit.phrase
            if phrase.kind != "weak" or phrase in seen:
                continue
            if phrase.target in weights or phrase.target == category_topic:
                seen.add(phrase)
                weight = deciding.weak_weight * (deciding.title_factor if in_title else 1.0)
                weights[phrase.target] = weights.get(phrase.target, 0.0) + weight
                lines.append(_cue_line("didukung tanda lemah", in_title, phrase, weight, city))
    if len(lines) > _LINES:
        lines[_LINES:] = [f"… dan {len(lines) - _LINES} petunjuk lain."]
    return _Evidence(weights, lines)


def _cue_line(verb: str, in_title: bool, phrase: _Phrase, weight: float, city: City) -> str:
    name = city.topics[phrase.target].name
    return f"{'Judul' if in_title else 'Isi'} {verb} “{phrase.shown}” → {name} (+{weight:.1f})."


def _category_line(hint: str | None, category: Category | None, said: float, city: City) -> str:
    if not hint:
        return "Tanpa kategori."
    if category is None:
        return "Kategori pengirim tidak dikenal atau bermakna ganda, jadi tidak dipakai."
    if category.topic is None or not said:
        return f"Kategori “{category.name}” tidak menunjuk pemilik, jadi tidak dipakai."
    return f"Kategori “{category.name}” → {city.topics[category.topic].name} (keyakinan {said:.2f})."


def _decide(
    weights: dict[str, float],
    owners: dict[str, Owner],
    category: Category | None,
    said: float,
    where: _Where,
    trace: list[str],
    city: City,
    on: date,
) -> Finding:
    deciding = city.deciding
    whole = sum(weights.values()) + deciding.doubt
    # A topic whose owner cannot be named yet stands for itself, so that it is a rival and not forgotten.
    party = {topic: owner.code or f"?{topic}" for topic, owner in owners.items()}
    by_words: dict[str, float] = {}
    for topic, weight in weights.items():
        by_words[party[topic]] = by_words.get(party[topic], 0.0) + weight / whole
    by_category = party[category.topic] if category and category.topic and said else None
    chances = _chances(by_words, by_category, said)
    if not chances:
        return _without_sign(where, trace)
    best = min(chances, key=lambda name: (-chances[name], name))
    topic = _topic_of(best, weights, party, category if by_category == best else None)
    owner = owners[topic]
    reasons = _reasons(by_words, by_category, best, chances[best], owner, where, deciding)
    trace.append(_owner_line(owner, city))
    trace.append(_verdict(reasons, chances[best], by_words, by_category))
    ranked = _ranked(chances, party, owners, owner, where, city, on)
    return Finding(
        agreed=not reasons,
        topic=topic,
        owner=owner,
        confidence=round(chances[best], 3),
        category=_category_name(topic, category, said, city),
        urgency=city.topics[topic].urgency,
        always_confidential=city.topics[topic].always_confidential,
        place=where.place,
        ranked=ranked,
        reasons=reasons,
        trace=tuple(trace),
    )


def _chances(by_words: dict[str, float], by_category: str | None, said: float) -> dict[str, float]:
    """Per agency how sure we are: two witnesses that agree strengthen, that differ weaken each other."""
    if by_category is None:
        return by_words
    chances = {name: chance * (1.0 - said) for name, chance in by_words.items()}
    words = by_words.get(by_category, 0.0)
    against = max((chance for name, chance in by_words.items() if name != by_category), default=0.0)
    chances[by_category] = 1.0 - (1.0 - words) * (1.0 - said) if words >= against else said * (1.0 - against)
    return chances


def _reasons(
    by_words: dict[str, float],
    by_category: str | None,
    best: str,
    chance: float,
    owner: Owner,
    where: _Where,
    deciding: Deciding,
) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    if owner.lacking:
        reasons.append(owner.lacking)
    elif not owner.inside:
        reasons.append("owner_outside_city")
    if where.outside is not None:
        reasons.append("place_outside_city")
    top = min(by_words, key=lambda name: (-by_words[name], name)) if by_words else None
    if by_category is not None and top is not None and top != by_category:
        reasons.append("cue_and_category_differ")
    else:
        both = by_category is not None and top is not None
        needed = deciding.agreed if both else deciding.category_alone if by_category else deciding.cue_alone
        if chance < needed:
            rivals = sum(share for name, share in by_words.items() if name != best)
            reasons.append("several_owners" if rivals > by_words.get(best, 0.0) / 3 else "weak_evidence")
    return tuple(reasons)


def _topic_of(best: str, weights: dict[str, float], party: dict[str, str], category: Category | None) -> str:
    own = [topic for topic in weights if party[topic] == best]
    if own:
        return min(own, key=lambda topic: (-weights[topic], topic))
    if category is None or category.topic is None:
        raise LookupError(f"nothing names {best}")
    return category.topic


def _category_name(topic: str, category: Category | None, said: float, city: City) -> str | None:
    """The LAPOR category to say: the sender's where it fits the topic, else the topic's first."""
    if category is not None and category.topic == topic and said:
        return category.name
    return _first_category(city).get(topic) or (category.name if category else None)


@lru_cache(maxsize=16)
def _first_category(city: City) -> dict[str, str]:
    return {category.topic: category.name for category in reversed(city.categories) if category.topic}


def _owner_line(owner: Owner, city: City) -> str:
    version = f"registri versi {city.version}"
    if owner.opd is None:
        why = {
            "no_rule": "belum ada aturan pemilik untuk tanggal ini",
            "kecamatan_unknown": "pemiliknya kantor kecamatan setempat, tetapi kecamatannya belum diketahui",
            "opd_not_in_force": "OPD pemiliknya tidak berlaku pada tanggal ini",
            None: "tidak diketahui",
        }[owner.lacking]
        return f"Pemilik: {why} (aturan {owner.rule or 'tidak ada'}, {version})."
    outside = "" if owner.inside else ", di luar Pemerintah Kota"
    return f"Pemilik: {owner.opd.name}{outside} (aturan {owner.rule}, {version})."


_SPOKEN: dict[Reason, str] = {
    "no_sign": "tidak ada petunjuk",
    "weak_evidence": "petunjuk kurang kuat",
    "cue_and_category_differ": "kata dan kategori menunjuk pemilik yang berbeda",
    "several_owners": "petunjuk menunjuk beberapa pemilik",
    "owner_outside_city": "pemiliknya di luar Pemerintah Kota",
    "place_outside_city": "lokasi di luar kota",
    "kecamatan_unknown": "kecamatan belum diketahui",
    "no_rule": "belum ada aturan pemilik",
    "opd_not_in_force": "OPD pemilik tidak berlaku pada tanggal ini",
}


def _verdict(
    reasons: Sequence[Reason], chance: float, by_words: dict[str, float], by_category: str | None
) -> str:
    if reasons:
        return (
            f"Perlu verifikator: {'; '.join(_SPOKEN[reason] for reason in reasons)} (keyakinan {chance:.2f})."
        )
    by = "kata dan kategori sepakat" if by_words and by_category else "kata" if by_words else "kategori"
    return f"Dapat didisposisikan langsung: {by} (keyakinan {chance:.2f})."


def _ranked(
    chances: dict[str, float],
    party: dict[str, str],
    owners: dict[str, Owner],
    best: Owner,
    where: _Where,
    city: City,
    on: date,
) -> tuple[Candidate, ...]:
    """Candidates best first: those that the signs name, then those that only the owner's rule mentions."""
    listed: dict[str, Candidate] = {}
    if where.outside is not None:
        listed[where.outside] = Candidate(opd=where.outside, score=1.0, why="Lokasi disebut di luar kota.")
    for name in sorted(chances, key=lambda name: (-chances[name], name)):
        topics = ", ".join(city.topics[topic].name for topic in owners if party[topic] == name)
        if not name.startswith("?"):
            listed.setdefault(
                name, Candidate(opd=name, score=round(chances[name], 3), why=f"Ditunjuk oleh: {topics}.")
            )
    for office in _offices(where.several, city, on) if best.lacking == "kecamatan_unknown" else ():
        why = "Nama tempat dapat berarti kecamatan ini."
        listed.setdefault(office.code, Candidate(opd=office.code, score=0.0, why=why))
    for other in best.others:
        why = "Pemilik lain yang mungkin menurut aturan; teks tidak menyebutnya."
        listed.setdefault(other.code, Candidate(opd=other.code, score=0.0, why=why))
    return tuple(listed.values())[: city.deciding.candidates]


def _offices(codes: Iterable[str], city: City, on: date) -> list[Opd]:
    offices = (city.kecamatan_office(Place(kecamatan=code), on) for code in codes)
    return [office for office in offices if office is not None]


def _without_sign(where: _Where, trace: list[str]) -> Finding:
    ranked: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ("no_sign",)
    if where.outside is not None:
        reasons = ("no_sign", "place_outside_city")
        ranked = (Candidate(opd=where.outside, score=0.5, why="Lokasi disebut di luar kota."),)
    trace.append(f"Perlu verifikator: {'; '.join(_SPOKEN[reason] for reason in reasons)}.")
    return Finding(
        agreed=False,
        topic=None,
        owner=None,
        confidence=0.0,
        category=None,
        urgency="normal",
        always_confidential=False,
        place=where.place,
        ranked=ranked,
        reasons=reasons,
        trace=tuple(trace),
    )


def _locate(place: Place | None, title: _Reading, text: _Reading, city: City, lexicon: _Lexicon) -> _Where:
    """The place with its region codes, from the codes given, else from the words: place, title, text.

    The first of these that names a region speaks. Names that several kecamatan share, or several kecamatan
    named together, are told as such and never picked from.
    """
    known = city.kecamatan_code(place)
    if known is not None and place is not None:
        return _Where(
            place.model_copy(update={"kecamatan": known}), _place_line(place.kelurahan or known, city, "kode")
        )
    outside: str | None = None
    address = lexicon.read(place.text) if place and place.text else _Reading([], [])
    for source, reading in (("tempat", address), ("judul", title), ("isi", text)):
        hits = [hit for hit in reading.hits if hit.phrase.kind in ("region", "shared", "outside")]
        if not hits:
            continue
        kelurahan, kecamatan, several = _regions(hits, reading.words, city, source == "tempat")
        if kelurahan is not None or kecamatan is not None:
            told = (place or Place()).model_copy(update={"kelurahan": kelurahan, "kecamatan": kecamatan})
            return _Where(told, _place_line(kelurahan or kecamatan or "", city, source))
        if several:
            names = ", ".join(region.name for code in several if (region := city.region(code)))
            return _Where(place, f"Lokasi belum pasti: dapat berarti kecamatan {names}.", several)
        outside = outside or next((hit.phrase.target for hit in hits if hit.phrase.kind == "outside"), None)
    return _Where(place, "Lokasi disebut di luar kota." if outside else None, outside=outside)


def _place_line(code: str, city: City, source: str) -> str:
    region = city.region(code)
    above = city.region(code[:8])
    if region is None or above is None:
        return f"Lokasi: {code} (dari {source})."
    if region is above:
        return f"Lokasi: Kecamatan {above.name} (dari {source})."
    return f"Lokasi: Kelurahan {region.name}, Kecamatan {above.name} (dari {source})."


def _regions(
    hits: list[_Hit], words: list[str], city: City, in_address: bool
) -> tuple[str | None, str | None, tuple[str, ...]]:
    """The kelurahan and kecamatan that one field names; or several kecamatan, where it is not told which."""
    kelurahan: dict[str, None] = {}
    kecamatan: dict[str, None] = {}
    bare: list[str] = []
    shared: dict[str, None] = {}
    at_both = _both_at(hits, city)
    for hit in hits:
        if hit.phrase.kind == "shared":
            shared.update(dict.fromkeys(city.shared_names[int(hit.phrase.target)].kecamatan))
        region = city.region(hit.phrase.target) if hit.phrase.kind == "region" else None
        if region is None:
            continue
        before = words[hit.at - 1] if hit.at else ""
        if isinstance(region, Kecamatan):
            # A name that is both means the kecamatan unless "kel." stands before it.
            if before not in _OF_KELURAHAN or hit.covers not in at_both:
                kecamatan[region.code] = None
        elif before in _OF_KELURAHAN or (region.match == "word" and before not in _OF_KECAMATAN):
            kelurahan[region.code] = None
        elif hit.covers not in at_both:
            bare.append(region.code)
    if in_address:
        kelurahan.update((code, None) for code in bare if code[:8] in kecamatan)
    inside = [code for code in kelurahan if code[:8] in kecamatan] if kecamatan else []
    one = inside or list(kelurahan)
    around = dict.fromkeys(code[:8] for code in one) or kecamatan
    if len(one) == 1:
        return one[0], one[0][:8], ()
    if len(around) == 1:
        return None, next(iter(around)), ()
    return None, None, tuple(around or shared)


def _both_at(hits: list[_Hit], city: City) -> set[int]:
    """Where a name stands that a kecamatan and a kelurahan share."""
    seen: dict[int, set[type[Kelurahan]]] = {}
    for hit in hits:
        if hit.phrase.kind == "region" and (region := city.region(hit.phrase.target)):
            seen.setdefault(hit.covers, set()).add(type(region))
    return {covers for covers, kinds in seen.items() if len(kinds) > 1}
