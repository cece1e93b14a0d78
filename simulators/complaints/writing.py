"""How citizens write: a text about a topic, as long as drawn, in one writer's habits, as an export prints it.

No line breaks and no emoji: where a writer began a new line the export glues the words ("...parah.Mohon").
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any

import yaml

from simulators.complaints.draw import maybe, one
from simulators.complaints.model import Person
from simulators.complaints.reference import HERE, Spot, Topic

TITLE_CAP = 169
_WORD = re.compile(r"\S*(?:@|://)\S*|[A-Za-z]{2,}")
"""A word, or an address taken whole, which nobody mistypes here: a slip could make it somebody's."""
_HOLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Habits:
    """One writer's way of writing; shares from 0 to 1."""

    shortens: float
    dialect: bool
    slips: float
    lower_case: bool
    shouts: bool
    glues: float
    greets: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """Where it happened, in the words of the one who tells it."""

    spot: Spot
    who: Person
    place: str


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What of identity the writer puts into the text."""

    sixteen_digits: bool = False
    mobile: bool = False
    email: bool = False
    url: bool = False


@cache
def phrases() -> dict[str, Any]:
    """The general sentences beside this module."""
    book: dict[str, Any] = yaml.safe_load((HERE / "phrases.yaml").read_text("utf-8"))
    return book


def draw_habits(rng: Random, all_caps: float) -> Habits:
    """A writer; `all_caps` is the share of those who shout."""
    shouts = maybe(rng, all_caps)
    careful = maybe(rng, 0.34)
    return Habits(
        shortens=0.0 if careful else rng.uniform(0.15, 0.75),
        dialect=not careful and maybe(rng, 0.22),
        slips=0.0 if careful else rng.uniform(0.0, 0.03),
        lower_case=not careful and maybe(rng, 0.35),
        shouts=shouts,
        glues=rng.uniform(0.0, 0.5) if maybe(rng, 0.6) else 0.0,
        greets=maybe(rng, 0.6),
    )


def person(number: int) -> Person:
    """A reporter who cannot exist: no mobile number starts with 0800, and `.invalid` never resolves."""
    return Person(
        name=f"Warga Contoh {number}",
        phone=f"0800-000-{number % 10_000:04d}",
        email=f"warga{number}@contoh.invalid",
    )


def impossible_nik(rng: Random, spot: Spot) -> str:
    """Sixteen digits in a NIK's shape whose birth date does not exist (day 32–39 or 72–79, month 13–19)."""
    day = rng.randrange(32, 40) + 40 * rng.randrange(2)
    month = rng.randrange(13, 20)
    return f"1571{spot.kecamatan_code[-2:]}{day}{month}{rng.randrange(100):02d}{rng.randrange(1, 10_000):04d}"


def draw_scene(rng: Random, spot: Spot, who: Person) -> Scene:
    """One place for title and text alike."""
    return Scene(spot, who, where(rng, spot))


def where(rng: Random, spot: Spot) -> str:
    """A place in a citizen's words: street, RT, kelurahan, or less."""
    street = one(rng, spot.streets)
    number = rng.randrange(1, 46)
    name = one(rng, spot.written) if spot.written and maybe(rng, 0.3) else spot.kelurahan
    kelurahan = one(rng, (f"kelurahan {name}", f"kel. {name}", f"Kel {name}"))
    rt = f"RT {rng.randrange(1, 41):02d}"
    forms = (
        f"di {street} {kelurahan}",
        f"di {street} {rt} {kelurahan}",
        f"di {rt} {kelurahan}",
        f"di {street} No. {number} {kelurahan} kec. {spot.kecamatan}",
        f"di {street}",
        f"di daerah {name}",
        f"di sekitar {street} dekat {one(rng, phrases()['patokan'])}",
        "di tempat kami",
    )
    return rng.choices(forms, weights=(26, 18, 14, 8, 12, 12, 5, 5))[0]


def compose(
    rng: Random, topic: Topic, scene: Scene, length: int, holds: Identifiers, besides: Topic | None = None
) -> str:
    """Plain text about the topic, about `length` characters, before any habit.

    `besides`: another subject that the writer brings up too, as people do; the truth stays with the first.
    """
    book = phrases()
    fill = _filler(rng, scene)
    first = one(rng, topic.says)
    middle = [fill(first)]
    if besides is not None:
        middle.append(
            f"{one(rng, ('Selain itu', 'Satu lagi,', 'Oh ya'))} {_lowered(fill(one(rng, besides.says)))}"
        )
    spare = [*(said for said in topic.says if said != first), *topic.adds]
    general = list(book["fillers"])
    rng.shuffle(spare)
    rng.shuffle(general)
    if maybe(rng, 0.16):
        general.insert(0, one(rng, book["asides"]))
    while sum(map(len, middle)) + 2 * len(middle) < length - 45 and (spare or general):
        take = spare if spare and (not general or maybe(rng, 0.45)) else general
        sentence = fill(take.pop(0))
        if sentence not in middle:
            middle.append(sentence)
    for wanted, kind in (
        (holds.sixteen_digits, "identity"),
        (holds.mobile, "phones"),
        (holds.email, "emails"),
        (holds.url, "urls"),
    ):
        if wanted:
            middle.insert(rng.randrange(1, len(middle) + 1), fill(one(rng, book[kind])))
    if maybe(rng, 0.5) and length > 60:
        middle.append(one(rng, book["closings"]))
    return " ".join(s if s[-1] in ".?,!" else s + "." for s in middle)


def title_for(rng: Random, topic: Topic, scene: Scene) -> str:
    """A title as citizens give it: short, often without a place."""
    title = one(rng, topic.titles)
    if "{" not in title and maybe(rng, 0.4):
        title += " {di}"
    return _filler(rng, scene)(title)[:TITLE_CAP]


def in_habit(rng: Random, text: str, habits: Habits, *, title: bool = False) -> str:
    """The same text as this writer types it, capped at 3,000 characters."""
    if habits.greets and not title:
        text = f"{one(rng, phrases()['greetings'])} {_lowered(text)}"
    text = _shortened(rng, text, habits)
    if habits.slips:
        text = _WORD.sub(lambda word: _slip(rng, word.group(), habits.slips), text)
    if not title:
        text = re.sub(r"([.,]) (?=\w)", lambda gap: _glue(rng, gap.group(1), habits.glues), text)
    if habits.shouts:
        text = text.upper()
    elif habits.lower_case:
        text = text.lower()
    elif text and not title:
        text = text[0].upper() + text[1:]
    return text[:3000].strip()


def edited(rng: Random, text: str, kind: str) -> str:
    """The text after LAPOR's admin: `same`, `spelling` (only case and spaces differ) or `changed`."""
    if kind == "same":
        return text
    if kind == "spelling":
        tidy = re.sub(r"([.,])(?=[A-Za-z])", r"\1 ", text)
        tidy = re.sub(r"(^|[.?!] )(\w)", lambda m: m.group(1) + m.group(2).upper(), tidy.lower())
        return (tidy if tidy != text else tidy.lower())[:3000]
    hidden = re.sub(r"\d{16}", "xxxxxxxxxxxxxxxx", text)
    hidden = re.sub(r"0800[- ]?000[- ]?\d{4}", "xxxx", hidden)
    return f"{hidden[:2900]} {one(rng, ('Mohon ditindaklanjuti sesuai kewenangan.', '(disunting admin)'))}"


def writer(rng: Random, all_caps: float, *, polite: bool = False) -> Habits:
    """Habits for a channel: at a counter and in letters someone else types it cleanly."""
    habits = draw_habits(rng, all_caps)
    if polite:
        return replace(habits, shortens=0.0, dialect=False, slips=0.0, lower_case=False, shouts=False)
    return habits


def _filler(rng: Random, scene: Scene) -> Callable[[str], str]:
    named = [scene.place]

    def here() -> str:
        """The place in full at its first mention, later only pointed at."""
        return named.pop() if named else one(rng, ("di situ", "di tempat yang sama", "di sana", scene.place))

    who = scene.who
    digits = who.phone.replace("-", one(rng, ("", "-", " ")))
    holes: dict[str, Callable[[], str]] = {
        "di": here,
        "patokan": lambda: one(rng, phrases()["patokan"]),
        "lama": lambda: one(rng, phrases()["lama"]),
        "n": lambda: str(rng.randrange(2, 8)),
        "n4": lambda: str(rng.randrange(1000, 10_000)),
        "rt": lambda: f"RT {rng.randrange(1, 41):02d} RW {rng.randrange(1, 10):02d}",
        "nik": lambda: impossible_nik(rng, scene.spot),
        "nama": lambda: who.name,
        "hp": lambda: digits,
        "email": lambda: who.email,
    }

    def fill(sentence: str) -> str:
        done = _HOLE.sub(lambda hole: holes[hole.group(1)](), sentence)
        return (
            done.replace("sudah sudah", "sudah")
            .replace("sejak sejak", "sejak")
            .replace("sudah sejak", "sejak")
        )

    return fill


def _lowered(text: str) -> str:
    return text if text[1:2].isupper() else text[0].lower() + text[1:]


def _shortened(rng: Random, text: str, habits: Habits) -> str:
    if not habits.shortens:
        return text
    book = phrases()
    ways: dict[str, list[str]] = {**book["short"], **(book["jambi"] if habits.dialect else {})}

    def way(word: re.Match[str]) -> str:
        found = ways.get(word.group().lower())
        if found is None or not maybe(rng, habits.shortens):
            return word.group()
        return one(rng, found)

    return re.sub(r"[A-Za-z]+", way, text)


def _slip(rng: Random, word: str, share: float) -> str:
    if len(word) < 5 or not word.isalpha() or not maybe(rng, share):
        return word
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    return word[:at] + word[at] + word[at:]


def _glue(rng: Random, mark: str, share: float) -> str:
    if not maybe(rng, share):
        return mark + " "
    return mark if maybe(rng, 0.7) else ""
