"""What a rule gives back: the state that follows and what is said about it; or why it cannot be."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.events.fact import Event
from shared.events.parts import FieldError
from shared.events.words import Scope

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """The state after a fact, and the events to be said because of it, in order.

    Ids of what is said are derived from the fact's id, unless an event brings its own (`Fact.known_as`).
    `forgets`: so much of the complaint is erased with it, everywhere in this service and from now on.
    """

    state: S
    says: Sequence[Event] = field(default=())
    forgets: Scope | None = None


class Refused(Exception):
    """An act that the tables do not allow, or whose content is wrong. The sender is told; nothing changes."""

    def __init__(self, errors: Sequence[FieldError], *, conflict: bool = False) -> None:
        super().__init__("; ".join(f"{error.field}: {error.reason}" for error in errors))
        self.errors = list(errors)
        self.conflict = conflict


class Unworkable(Exception):
    """A record that no retry can help: dead letter, its key parked, everything else moves on."""
