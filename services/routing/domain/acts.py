"""What officials may command, and whose role allows it."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, StringConstraints, model_validator

from services.routing.domain.case import Urgency
from services.routing.domain.transitions import ActName
from shared.events.fact import Fact
from shared.events.parts import Attachment, By, Klasifikasi, OpdCode
from shared.events.routing import ExtendableClock
from shared.masking import mask

Role = Literal["opd", "verifier", "admin"]


def _storable(words: str) -> str:
    if "\x00" in words:
        raise ValueError("must not contain the NUL character")
    return words


Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000),
    AfterValidator(_storable),
]
"""What an official writes; the limit is the one of every text in the contracts."""

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_storable)
]


def _as_kept(file: Attachment) -> Attachment:
    """Intake names its files itself: nothing that a person is known by can stand there but in `name`."""
    if not (_FILE_ID.fullmatch(file.id) and _SHA256.fullmatch(file.sha256) and file.media_type in KEPT):
        raise ValueError("is no file as intake keeps it: cite it as intake's answer or event names it")
    return file


_FILE_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

KEPT = frozenset({"image/jpeg", "image/png", "image/webp", "application/pdf"})
"""What intake keeps, by content."""

Files = Annotated[tuple[Annotated[Attachment, AfterValidator(_as_kept)], ...], Field(max_length=10)]
"""Files that intake keeps already, cited."""


class Act(Fact):
    """A command of an official, as written; who gives it is added by whoever took it in."""

    name: ClassVar[ActName | Literal["extend"]]
    """How it is called in addresses; `extend` has a row in the table for each clock."""

    _by: By | None = PrivateAttr(default=None)
    _masked: tuple[str, ...] = PrivateAttr(default=())
    _at: datetime | None = PrivateAttr(default=None)

    @property
    def by(self) -> By:
        """Who does it: an OPD (`kind` opd, `name` its code), or a verifier or admin (`person`)."""
        if self._by is None:
            raise LookupError(f"nobody has been named for {self.name}")
        return self._by

    def done_by(self, by: By) -> Self:
        """This act, by them. Returns itself."""
        self._by = by
        return self

    def done_at(self, at: datetime) -> Self:
        """This act, as done at that instant by another system's clock. Returns itself."""
        self._at = at
        return self

    def at(self, now: datetime) -> datetime:
        """When it was done: by HTTP now."""
        return self._at or now

    @property
    def masked(self) -> tuple[str, ...]:
        """The words that took the place of what names a person: `("NIK", "telepon")`."""
        return self._masked

    def without_identifiers(self, published: Collection[str]) -> Self:
        """This act in words that the hub may hear; `published` are the city's own numbers, which stand."""
        clean: dict[str, object] = {}
        kinds: list[str] = []
        for field, limit in _WORDS.items():
            words = getattr(self, field, None)
            if words is not None:
                told = mask(words, limit, published)
                clean[field], kinds = told.text, [*kinds, *told.kinds]
        names = [mask(file.name, 255, published) for file in getattr(self, "attachments", ())]
        kinds += [kind for name in names for kind in name.kinds]
        if not kinds:
            return self
        if names:
            files = zip(self.attachments, names, strict=True)  # type: ignore[attr-defined]
            clean["attachments"] = tuple(file.model_copy(update={"name": name.text}) for file, name in files)
        told_of = self.model_copy(update=clean)
        told_of._masked = tuple(dict.fromkeys(kinds))
        return told_of


_WORDS: Mapping[str, int] = {
    "text": 10_000,
    "note": 10_000,
    "reason": 10_000,
    "question": 10_000,
    "refer_to": 200,
}
"""The fields of acts that hold what somebody wrote, and how much of it."""


class Route(Act):
    """Hand the case to an OPD (disposisi). `again`: though it gave this case back before."""

    name: ClassVar[ActName] = "route"
    opd: OpdCode
    note: Words | None = None
    again: bool = False


class Reject(Act):
    """The city will not handle it; `refer_to` names who would."""

    name: ClassVar[ActName] = "reject"
    kind: Literal["not_ours", "unclear", "no_evidence", "abusive", "duplicate"]
    reason: Words
    refer_to: Name | None = None


class Accept(Act):
    """The OPD takes it on."""

    name: ClassVar[ActName] = "accept"
    text: Words | None = None
    attachments: Files = ()


class HandBack(Act):
    """Bukan wewenang: not this OPD's; perhaps another's."""

    name: ClassVar[ActName] = "hand_back"
    reason: Words
    suggested_opd: OpdCode | None = None


class Progress(Act):
    """Work is under way."""

    name: ClassVar[ActName] = "progress"
    text: Words | None = None
    attachments: Files = ()


class Ask(Act):
    """The reporter has to complete the complaint."""

    name: ClassVar[ActName] = "ask"
    question: Words


class Answer(Act):
    """The answer to the citizen."""

    name: ClassVar[ActName] = "answer"
    text: Words
    attachments: Files = ()


class Close(Act):
    """An answered case is done."""

    name: ClassVar[ActName] = "close"
    reason: Words


class Reopen(Act):
    """A closed or rejected case is before a verifier again. No clock starts anew by it."""

    name: ClassVar[ActName] = "reopen"
    reason: Words


class Classify(Act):
    """Say what it is about; what is left out stays as it was.

    `category` as LAPOR names it: an id, a name, or "TOP / SUB". The case stays where it is; the owner that the
    registry names for the category becomes the first candidate.
    """

    name: ClassVar[ActName] = "classify"
    category: Name | None = None
    klasifikasi: Klasifikasi | None = None
    urgency: Urgency | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.category is None and self.klasifikasi is None and self.urgency is None:
            raise ValueError("give at least one of category, klasifikasi and urgency")
        return self


class Extend(Act):
    """Give more time: working days on a clock that runs, as often and as long as the city's table allows.

    `first_response` is the present OPD's. Time given after the deadline has passed moves nothing.
    """

    name: ClassVar[Literal["extend"]] = "extend"
    clock: ExtendableClock
    days: Annotated[int, Field(ge=1, le=90)]
    reason: Words


_CITY: tuple[Role, ...] = ("verifier", "admin")
_OPD_OR_FOR_IT: tuple[Role, ...] = ("opd", "verifier", "admin")

DOERS: Mapping[type[Act], tuple[Role, ...]] = {
    Route: _CITY,
    Reject: _CITY,
    Accept: _OPD_OR_FOR_IT,
    HandBack: _OPD_OR_FOR_IT,
    Progress: _OPD_OR_FOR_IT,
    Ask: _OPD_OR_FOR_IT,
    Answer: _OPD_OR_FOR_IT,
    Close: _OPD_OR_FOR_IT,
    Reopen: _CITY,
    Classify: _CITY,
    Extend: _CITY,
}
"""Who may do what; an OPD only to a case that is its own, the city also on an OPD's behalf."""
