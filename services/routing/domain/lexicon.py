"""A city's phrases found in a text: cues, circumstances and place names, in one pass over its words."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from services.routing.domain.city import City

Kind = Literal["cue", "weak", "circumstance", "region", "shared", "outside"]

_WORD = re.compile(r"[A-Z]*[a-z]+|[A-Z]+|\d+|[.!?;]")
"""Words (split where lower case meets upper, as the LAPOR export glues lines), digits, sentence ends."""

_ENDS = frozenset(".!?;")
_GAP = ".."
_FAMILY: dict[Kind, str] = {
    "cue": "topic",
    "weak": "topic",
    "circumstance": "circumstance",
    "region": "place",
    "shared": "place",
    "outside": "place",
}
"""A phrase inside a longer one counts for nothing, if both are of one family."""


@dataclass(frozen=True, slots=True, eq=False)
class Phrase:
    """What may be found: a topic's cue, a circumstance's phrase, a region's name. `size` in words."""

    kind: Kind
    target: str
    shown: str
    size: int
    family: str
    later: tuple[str, ...]


class Hit(NamedTuple):
    """A phrase at the word `at`; `covers` has one bit for each word that belongs to it."""

    phrase: Phrase
    at: int
    covers: int


class Reading(NamedTuple):
    """One field's words, and the phrases found in them, in reading order."""

    words: list[str]
    hits: list[Hit]


@dataclass(slots=True, eq=False)
class _Node:
    """Phrases that share their first words: those that end here, that go on, that go on after a gap."""

    ended: list[Phrase] = field(default_factory=list)
    following: "dict[str, _Node]" = field(default_factory=dict)
    later: dict[str, list[Phrase]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """A city's phrases, ready for reading, and the spellings that are read as one."""

    heads: dict[str, _Node]
    spelled: dict[str, str]
    abbreviations: frozenset[str]
    gap: int

    def words(self, text: str) -> list[str]:
        """The text as lower-case words in one spelling; sentence ends stay, dots of abbreviations go."""
        words = " ".join(_WORD.findall(text)).lower().split()
        spelled = self.spelled
        if "." not in words:
            return [spelled.get(word, word) for word in words]
        shortened = self.abbreviations
        return [
            spelled.get(word, word)
            for before, word in zip(("", *words), words, strict=False)
            if word != "." or before not in shortened
        ]

    def read(self, text: str) -> Reading:
        """Every phrase in the text, those inside a longer one of their family left out, in reading order."""
        words = self.words(text)
        heads = self.heads
        found: list[Hit] = []
        size = len(words)
        for at in [at for at, word in enumerate(words) if word in heads]:
            node, end = heads[words[at]], at + 1
            while True:
                if node.ended:
                    covers = (1 << end) - (1 << at)
                    found += [Hit(phrase, at, covers) for phrase in node.ended]
                if node.later:
                    self._across(words, at, end, node.later, found)
                if end == size or words[end] not in node.following:
                    break
                node = node.following[words[end]]
                end += 1
        return Reading(words, _outermost(found) if len(found) > 1 else found)

    def _across(
        self, words: list[str], at: int, end: int, later: dict[str, list[Phrase]], found: list[Hit]
    ) -> None:
        done: list[Phrase] = []
        start = end - 1
        for word in words[end : end + self.gap + 1]:
            start += 1
            if word not in later:
                if word in _ENDS:
                    return
                continue
            for phrase in later[word]:
                size = len(phrase.later)
                whole = size == 1 or tuple(words[start : start + size]) == phrase.later
                if whole and phrase not in done:
                    done.append(phrase)
                    found.append(Hit(phrase, at, (1 << end) - (1 << at) | (1 << start + size) - (1 << start)))


def _outermost(hits: list[Hit]) -> list[Hit]:
    """The hits (in reading order) without those whose words all belong to a longer one of their family."""
    kept: list[Hit] = []
    group: list[Hit] = []
    end = 0
    for hit in hits:
        if hit.at >= end and group:
            kept += group if len(group) == 1 else _longest(group)
            group = []
        group.append(hit)
        last = hit.covers.bit_length()
        if last > end:
            end = last
    return kept + (group if len(group) == 1 else _longest(group))


def _longest(group: list[Hit]) -> list[Hit]:
    kept: list[Hit] = []
    for hit in group:
        phrase, _, covers = hit
        family = phrase.family
        for other, _, theirs in group:
            if covers & theirs == covers and covers != theirs and other.family == family:
                break
        else:
            kept.append(hit)
    return kept


@lru_cache(maxsize=16)
def lexicon_of(city: City) -> Lexicon:
    """The city's lexicon, made once per loaded version."""
    making = _Making(city)
    for topic in city.topics.values():
        making.add("cue", topic.topic, topic.cues)
        making.add("weak", topic.topic, topic.weak_cues)
    for circumstance in city.circumstances:
        making.add("circumstance", circumstance.circumstance, circumstance.phrases)
    for kecamatan in city.kecamatan:
        for region in (kecamatan, *kecamatan.kelurahan):
            making.add("region", region.code, (region.name, *region.aliases, *region.aliases_likely))
    for at, shared in enumerate(city.shared_names):
        making.add("shared", str(at), shared.names)
    for beyond in city.outside:
        making.add("outside", beyond.opd, beyond.names)
    spelled = {f"{word}nya": word for word in making.vocabulary if len(word) > 3} | dict(city.spellings)
    return Lexicon(making.heads, spelled, city.abbreviations, city.deciding.gap_words)


class _Making:
    """A lexicon in the making. Phrases that read alike after spelling are one; the first is shown."""

    def __init__(self, city: City) -> None:
        self.heads: dict[str, _Node] = {}
        self.vocabulary: set[str] = set()
        self._spellings = city.spellings
        self._known: set[tuple[str, ...]] = set()

    def add(self, kind: Kind, target: str, phrases: Iterable[str]) -> None:
        for shown in phrases:
            before, _, after = shown.partition(_GAP)
            first, later = self._words(before), self._words(after)
            alike = (_FAMILY[kind], target, *first, _GAP, *later)
            if not first or alike in self._known:
                continue
            self._known.add(alike)
            self.vocabulary.update(first, later)
            node = self.heads.setdefault(first[0], _Node())
            for word in first[1:]:
                node = node.following.setdefault(word, _Node())
            phrase = Phrase(kind, target, shown, len(first) + len(later), _FAMILY[kind], tuple(later))
            if later:
                node.later.setdefault(later[0], []).append(phrase)
            else:
                node.ended.append(phrase)

    def _words(self, phrase: str) -> list[str]:
        words = " ".join(_WORD.findall(phrase)).lower().split()
        return [self._spellings.get(word, word) for word in words if word not in _ENDS]
