"""Candidates: what others found in public. A verifier accepts it as a complaint, or drops it.

Until it is accepted the hub does not hear of it: it has its ticket and its receipt, and nothing else is said.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.intake.domain.acts import Accept, Drop
from services.intake.domain.complaint import Complaint
from services.intake.domain.keyed import Subkeys
from services.intake.domain.possible import require
from services.intake.domain.timeline import Step
from shared.decision import Decision, Refused
from shared.events.intake import ComplaintReceived
from shared.events.parts import FieldError
from shared.masking import masked


def accept(complaint: Complaint, act: Accept, _keys: Subkeys, now: datetime) -> Decision[Complaint]:
    """From now on it is a complaint, received now, and the hub hears of it."""
    candidacy = complaint.candidacy
    if candidacy is not None and candidacy.decided_at is not None and complaint.status != "dropped":
        return Decision(complaint)
    _first(complaint)
    require(complaint, "accept")
    if complaint.erased is not None:
        raise _conflict(f"{complaint.ticket} is erased; there is nothing left to accept")
    if candidacy is None or candidacy.received is None:
        raise LookupError("a candidate that waits has lost what it says")
    received = candidacy.received.model_copy(update={"at": now, "received_at": now})
    accepted = replace(complaint, candidacy=replace(candidacy, decided_at=now))
    return Decision(accepted.with_step(Step("received", now, act.id)), [received])


def drop(complaint: Complaint, act: Drop, _keys: Subkeys, now: datetime) -> Decision[Complaint]:
    """It is no complaint, or none for the city; the hub never hears of it."""
    if complaint.status == "dropped":
        return Decision(complaint)
    _first(complaint)
    require(complaint, "drop")
    assert complaint.candidacy is not None
    dropped = replace(complaint, candidacy=replace(complaint.candidacy, decided_at=now))
    return Decision(dropped.with_step(Step("dropped", now, act.id, text=masked(act.reason, 10_000))))


def _first(complaint: Complaint) -> None:
    """Whoever found the same link again is decided with the first."""
    if complaint.candidacy is not None and complaint.candidacy.same_as is not None:
        raise _conflict(
            f"{complaint.ticket} is the same post as {complaint.candidacy.same_as}; decide that one"
        )


def _conflict(reason: str) -> Refused:
    return Refused([FieldError(field="act", reason=reason)], conflict=True)


Rule = Callable[[Complaint, Any, Any, datetime], Decision[Complaint]]

WAITING = frozenset({"candidate", "dropped"})
"""How it stands while the hub does not know of it."""


def unspoken(rule: Rule) -> Rule:
    """`rule`, with nothing told to the hub of what is no complaint (yet), whatever befalls it."""

    def heard(complaint: Complaint, fact: Any, means: Any, now: datetime) -> Decision[Complaint]:
        decision = rule(complaint, fact, means, now)
        if decision.state.status not in WAITING:
            return decision
        return replace(
            decision, says=[said for said in decision.says if said.topic != ComplaintReceived.topic]
        )

    return heard
