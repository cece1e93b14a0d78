"""Worklists: which cases an official finds under which name, as a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.routing.domain.case import CaseState

View = Literal["mine", "new", "due_soon", "waiting_for_citizen", "handed_back"]
Side = Literal["opd", "city"]
"""Who looks: an OPD at its own cases, or a verifier at everybody's."""

Order = Literal["newest", "oldest", "due"]
"""By when it came in; or by the earliest deadline, and then only what has one."""

OPEN: tuple[CaseState, ...] = ("triage", "routed", "in_work", "asked", "answered")


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a case must be to stand in a list.

    `pressing`: a clock of it is soon due or overdue, as the monitor said. `never_given`: no OPD had it yet.
    `handed_back`: an OPD gave it back at least once.
    """

    states: tuple[CaseState, ...]
    pressing: bool = False
    never_given: bool = False
    handed_back: bool = False


VIEWS: Mapping[Side, Mapping[View, Narrowing]] = {
    "opd": {
        "mine": Narrowing(("routed", "in_work", "asked", "answered")),
        "new": Narrowing(("routed",)),
        "due_soon": Narrowing(("routed", "in_work", "asked", "answered"), pressing=True),
        "waiting_for_citizen": Narrowing(("asked",)),
        "handed_back": Narrowing(("routed", "in_work", "asked", "answered"), handed_back=True),
    },
    "city": {
        "mine": Narrowing(("triage",)),
        "new": Narrowing(("triage",), never_given=True),
        "due_soon": Narrowing(OPEN, pressing=True),
        "waiting_for_citizen": Narrowing(("asked",)),
        "handed_back": Narrowing(("triage",), handed_back=True),
    },
}
"""An OPD's `new` is not accepted yet, a verifier's was never routed. `handed_back`: the OPD has what another gave
back; before a verifier stands what has to be routed anew."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks of the list of cases; None = no matter. `ticket`: how it begins."""

    opd: str | None = None
    states: tuple[CaseState, ...] | None = None
    within: Narrowing | None = None
    category: str | None = None
    kecamatan: str | None = None
    ticket: str | None = None
    since: datetime | None = None
    order: Order = "newest"
