"""What a complaint is about: words and category weighed into a topic, its owner named by the dated registry.

How sure is sure. A cue weighs by its words and counts more in the title; a topic's weight is the sum over its
different cues, an agency's the sum over its topics. The confidence of the words in an agency is its weight
over all weight plus `doubt`, so one short cue, or a rival, keeps it low. A category's confidence is its
strength as measured on real dispositions (see the city's routing file). Where both name one agency the two
count as independent witnesses. All numbers come from the city's `deciding`; none is tuned in code.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

from services.routing.domain.city import Category, City, Deciding, Opd, Owner
from services.routing.domain.lexicon import Hit, Phrase, lexicon_of
from services.routing.domain.places import Where, locate
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
    lexicon = lexicon_of(city)
    heading, body = lexicon.read(title), lexicon.read(text)
    title_hits, text_hits = heading.hits, body.hits
    where = locate(place, heading, body, city, lexicon)
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


def owner_of(topic: str, title: str, text: str, place: Place | None, city: City, on: date) -> Owner:
    """Who owns a topic that is known already, given the circumstances that the text tells."""
    lexicon = lexicon_of(city)
    hits = (*lexicon.read(title).hits, *lexicon.read(text).hits)
    told = {hit.phrase.target for hit in hits if hit.phrase.kind == "circumstance"}
    return city.owner(topic, place, on, told)


def _weigh(title: list[Hit], text: list[Hit], category_topic: str | None, city: City) -> _Evidence:
    deciding = city.deciding
    weights: dict[str, float] = {}
    lines: list[str] = []
    seen: set[Phrase] = set()
    counted: set[tuple[bool, str, int]] = set()  # the same words count once, by whichever cue they are found
    table = deciding.cue_weights
    weak: list[tuple[Phrase, bool]] = []
    for hits, in_title in ((title, True), (text, False)):
        for phrase, _, covers in hits:
            if phrase.kind == "weak":
                weak.append((phrase, in_title))
            if phrase.kind != "cue" or phrase in seen or (in_title, phrase.target, covers) in counted:
                continue
            seen.add(phrase)
            counted.add((in_title, phrase.target, covers))
            weight = table[min(phrase.size, len(table)) - 1] * (deciding.title_factor if in_title else 1.0)
            weights[phrase.target] = weights.get(phrase.target, 0.0) + weight
            lines.append(_cue_line("memuat", in_title, phrase, weight, city))
    for phrase, in_title in weak:
        if phrase not in seen and (phrase.target in weights or phrase.target == category_topic):
            seen.add(phrase)
            weight = deciding.weak_weight * (deciding.title_factor if in_title else 1.0)
            weights[phrase.target] = weights.get(phrase.target, 0.0) + weight
            lines.append(_cue_line("didukung tanda lemah", in_title, phrase, weight, city))
    if len(lines) > _LINES:
        lines[_LINES:] = [f"… dan {len(lines) - _LINES} petunjuk lain."]
    return _Evidence(weights, lines)


def _cue_line(verb: str, in_title: bool, phrase: Phrase, weight: float, city: City) -> str:
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
    where: Where,
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
    where: Where,
    deciding: Deciding,
) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    if owner.lacking:
        reasons.append(owner.lacking)
    elif not owner.inside:
        reasons.append("owner_outside_city")
    if where.beyond:
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
    where: Where,
    city: City,
    on: date,
) -> tuple[Candidate, ...]:
    """Candidates best first: those that the signs name, then those that only the owner's rule mentions."""
    listed: dict[str, Candidate] = {}
    if where.outside is not None:
        listed[where.outside] = Candidate(opd=where.outside, score=1.0, why="Lokasi disebut di luar kota.")
    for name in sorted(chances, key=lambda name: (-chances[name], name)):
        topics = ", ".join(city.topics[topic].name for topic in owners if party[topic] == name)
        if not name.startswith("?") and name not in listed:
            listed[name] = Candidate(opd=name, score=round(chances[name], 3), why=f"Ditunjuk oleh: {topics}.")
    for office in _offices(where.several, city, on) if best.lacking == "kecamatan_unknown" else ():
        why = "Nama tempat dapat berarti kecamatan ini."
        listed.setdefault(office.code, Candidate(opd=office.code, score=0.0, why=why))
    for code in best.others:
        other = city.named(code, where.place, on)
        if other is not None and other.code not in listed:
            why = "Pemilik lain yang mungkin menurut aturan; teks tidak menyebutnya."
            listed[other.code] = Candidate(opd=other.code, score=0.0, why=why)
    return tuple(listed.values())[: city.deciding.candidates]


def _offices(codes: Iterable[str], city: City, on: date) -> list[Opd]:
    offices = (city.kecamatan_office(Place(kecamatan=code), on) for code in codes)
    return [office for office in offices if office is not None]


def _without_sign(where: Where, trace: list[str]) -> Finding:
    reasons: tuple[Reason, ...] = ("no_sign", "place_outside_city") if where.beyond else ("no_sign",)
    ranked: tuple[Candidate, ...] = ()
    if where.outside is not None:
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
