"""What officials may command, and whose role allows it."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, PrivateAttr, StringConstraints

from services.routing.domain.transitions import ActName
from shared.events.fact import Fact
from shared.events.parts import By, OpdCode

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


class Act(Fact):
    """A command of an official, as written; who gives it is added by whoever took it in."""

    name: ClassVar[ActName]
    _by: By | None = PrivateAttr(default=None)

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


class Route(Act):
    """Hand the case to an OPD (disposisi)."""

    name: ClassVar[ActName] = "route"
    opd: OpdCode
    note: Words | None = None


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


class HandBack(Act):
    """Bukan wewenang: not this OPD's; perhaps another's."""

    name: ClassVar[ActName] = "hand_back"
    reason: Words
    suggested_opd: OpdCode | None = None


class Progress(Act):
    """Work is under way."""

    name: ClassVar[ActName] = "progress"
    text: Words | None = None


class Ask(Act):
    """The reporter has to complete the complaint."""

    name: ClassVar[ActName] = "ask"
    question: Words


class Answer(Act):
    """The answer to the citizen."""

    name: ClassVar[ActName] = "answer"
    text: Words


class Close(Act):
    """An answered case is done."""

    name: ClassVar[ActName] = "close"
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
    Close: _CITY,
}
"""Who may do what; an OPD only to a case that is its own, the city also on an OPD's behalf."""
