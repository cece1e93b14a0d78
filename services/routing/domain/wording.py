"""What officials write, without what names a person: so it is masked before a rule sees it, and then said."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from services.routing.domain.acts import Act
from services.routing.domain.case import Case
from services.routing.domain.city import City
from services.routing.domain.moves import local_day
from shared.decision import Decision

A = TypeVar("A", bound=Act)

Rule = Callable[[Case, A, City, datetime], Decision[Case]]


def discreetly(rule: Rule[A]) -> Rule[A]:
    """`rule` for an act in words that the hub may hear: no rule has to think of masking."""

    def done(case: Case, act: A, city: City, now: datetime) -> Decision[Case]:
        return rule(case, discreet(act, city, now), city, now)

    return done


def discreet(act: A, city: City, now: datetime) -> A:
    """The act without identifiers, but for the numbers and addresses that the city publishes as its own today."""
    return act.without_identifiers(city.published(local_day(now)))
