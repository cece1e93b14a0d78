"""The fold: a table of what a service hears and which rule answers; how its state is loaded and saved."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar
from uuid import UUID

from shared.database import Transaction
from shared.decision import Decision
from shared.events.catalogue import OWNER_TOPICS
from shared.events.fact import Event, Fact
from shared.events.parts import FieldError
from shared.events.words import Scope

S = TypeVar("S")
C = TypeVar("C")

Rule = Callable[[S, Any, C, datetime], Decision[S]]
"""(state, fact, city, now) -> Decision: no I/O, no clock, no log."""

Lookup = Callable[[Transaction, Sequence[Any]], Awaitable[Sequence[UUID | FieldError]]]
"""(tx, events) -> for each, which complaint it is about, or why none is; in one statement."""

Refusal = Callable[[str, str, Sequence[FieldError]], Event]
"""(source, reference, errors) -> the receipt that tells a stranger why."""

Examine = Callable[[Any], Awaitable[object]]
"""fact -> what is found out about it: slow and pure, done before anything is locked."""

_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Fold(Generic[S, C]):
    """What a service hears and how it answers; consumer, HTTP, sweep and release all call this one.

    `hears`: event and act classes, each with its rule. `load` returns a state for every key asked, a blank
    one for a complaint not known yet. `save` writes the changed states in bulk. `city` reads the service's
    own registry. `forget` is a state without the words that were erased; from then on it is asked of every state
    that a later fact leaves. `keys`: for events that are not keyed by complaint, which complaint they are about (None:
    not for us). `lookups`: for those of them that name a complaint by something only the store knows; asked
    for a whole batch before its complaints are locked, so what it looks up must never change. `refuses`: for
    topics that strangers write to, the receipt that refuses a record.
    """

    def __init__(
        self,
        hears: Mapping[type[Fact], Rule[S, C]],
        *,
        load: Callable[[Transaction, Sequence[UUID]], Awaitable[Mapping[UUID, S]]],
        save: Callable[[Transaction, Mapping[UUID, S]], Awaitable[None]],
        city: Callable[[Transaction], Awaitable[C]],
        forget: Callable[[S, Scope], S] = lambda state, _: state,
        keys: Mapping[type[Event], Callable[[Any], UUID | None]] = _NOTHING,
        lookups: Mapping[type[Event], Lookup] = _NOTHING,
        refuses: Mapping[type[Event], Refusal] = _NOTHING,
        examine: Mapping[type[Fact], Examine] = _NOTHING,
    ) -> None:
        self.rules = dict(hears)
        self.load = load
        self.save = save
        self.city = city
        self.forget = forget
        self.keys = dict(keys)
        self.lookups = dict(lookups)
        self.refuses = {kind.topic: refusal for kind, refusal in refuses.items()}
        self._examine = dict(examine)
        events = [kind for kind in hears if issubclass(kind, Event)]
        self.types: dict[str, type[Event]] = {kind.type: kind for kind in events}
        self.topics: tuple[str, ...] = tuple(sorted({kind.topic for kind in events}))
        self.inbound: dict[str, type[Event]] = {kind.topic: kind for kind in refuses}
        """Topics that strangers write to, each with the one type it takes."""

    async def look_into(self, facts: Iterable[Fact | None]) -> None:
        """Find out what takes its time about these, one after the other. Call it before a transaction."""
        if not self._examine:
            return
        for fact in facts:
            if fact is not None and type(fact) in self._examine:
                fact.found(await self._examine[type(fact)](fact))

    def is_numbered(self, topic: str) -> bool:
        """Whether records of this topic carry an owner's sequence."""
        return topic in OWNER_TOPICS
