"""What may be commanded about a complaint: by its reporter, and by those who decide that two are one matter."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, StringConstraints, model_validator

from shared.events.fact import Fact
from shared.events.parts import By, ComplaintRef, Klasifikasi, Place
from shared.events.words import Scope

ActName = Literal[
    "amend", "reply", "rate", "withdraw", "merge", "absorb", "unmerge", "release", "erase", "accept", "drop"
]


def _storable(words: str) -> str:
    if "\x00" in words:
        raise ValueError("may not contain the character U+0000")
    return words


Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000),
    AfterValidator(_storable),
]
"""What a citizen writes; the limit is the one of every text in the contracts."""


class Act(Fact):
    """A command, as written; who gives it is added by whoever took it in."""

    name: ClassVar[ActName]
    _by: By | None = PrivateAttr(default=None)

    @property
    def by(self) -> By:
        """Who does it: the citizen (by whatever publisher), or a verifier or admin by the key's name."""
        if self._by is None:
            raise LookupError(f"nobody has been named for {self.name}")
        return self._by

    def done_by(self, by: By) -> Self:
        """This act, by them. Returns itself."""
        self._by = by
        return self


class Amend(Act):
    """Say something else: each field that is given takes the place of what stood there before.

    What is left out, or null, stays. `forward` can only be forbidden: what was, is not kept to be sent.
    """

    name: ClassVar[ActName] = "amend"
    title: Annotated[Words, StringConstraints(max_length=300)] | None = None
    text: Words | None = None
    place: Place | None = None
    category: Annotated[Words, StringConstraints(max_length=200)] | None = None
    klasifikasi: Klasifikasi | None = None
    anonymous: bool | None = None
    confidential: bool | None = None
    forward: Literal[False] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.given:
            raise ValueError("give at least one field")
        if self.place is not None and self.place.text is not None:
            _storable(self.place.text)
        return self

    @property
    def given(self) -> frozenset[str]:
        """The fields that are to change."""
        return frozenset(name for name in type(self).model_fields if getattr(self, name) is not None)


class Reply(Act):
    """The reporter speaks again: answers a question, or says that it is not done."""

    name: ClassVar[ActName] = "reply"
    text: Words


class Rate(Act):
    """How content the reporter is; 1 is not at all, 5 is very. A second rating takes the first one's place."""

    name: ClassVar[ActName] = "rate"
    rating: Annotated[int, Field(ge=1, le=5, strict=True)]
    text: Words | None = None


class Withdraw(Act):
    """The reporter takes the complaint back."""

    name: ClassVar[ActName] = "withdraw"
    reason: Words | None = None


class Merge(Act):
    """This complaint is one matter with `into`, which goes on for both."""

    name: ClassVar[ActName] = "merge"
    into: ComplaintRef


class Absorb(Act):
    """This complaint goes on for `merged` too."""

    name: ClassVar[ActName] = "absorb"
    merged: ComplaintRef


class Unmerge(Act):
    """This complaint goes its own way again."""

    name: ClassVar[ActName] = "unmerge"
    out_of: ComplaintRef | None
    """As whoever commands it has read it."""


class Release(Act):
    """This complaint goes on without `merged`."""

    name: ClassVar[ActName] = "release"
    merged: ComplaintRef


class Erase(Act):
    """Forget who reported it (`identity`), or every word of and about it too (`complaint`). It cannot be undone.

    `reason` is kept in the audit: whose request it was, by a number or a letter's date; never who they are.
    """

    name: ClassVar[ActName] = "erase"
    scope: Scope
    reason: Annotated[Words, StringConstraints(max_length=500)]


class Accept(Act):
    """What was found in public is a complaint."""

    name: ClassVar[ActName] = "accept"


class Drop(Act):
    """What was found in public is no complaint, or none for the city; why is told on the ticket's page."""

    name: ClassVar[ActName] = "drop"
    reason: Words
