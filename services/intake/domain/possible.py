"""Which act a complaint allows while it stands how: one table. What is not in it is refused."""

from collections.abc import Mapping
from typing import Literal

from services.intake.domain.acts import ActName
from services.intake.domain.complaint import Complaint
from services.intake.domain.timeline import STATUS_WORDS, Status
from shared.decision import Refused
from shared.events.parts import FieldError

_OPEN: tuple[Status, ...] = (
    "received", "verifying", "reexamined", "routed", "in_work", "waiting", "answered",
)  # fmt: skip

POSSIBLE: Mapping[ActName | Literal["protect", "attach"], tuple[Status, ...]] = {
    "amend": _OPEN,
    # an amendment of flags alone; of a candidate the hub does not know yet
    "protect": tuple(status for status in STATUS_WORDS if status not in ("candidate", "dropped")),
    "attach": _OPEN,  # an OPD's evidence of its work may come at any time
    "reply": _OPEN,
    "rate": ("answered", "closed"),
    "withdraw": (*_OPEN, "rejected", "merged"),
    "merge": _OPEN,
    "absorb": (*_OPEN, "rejected", "closed"),
    "accept": ("candidate",),
    "drop": ("candidate",),
}


def require(complaint: Complaint, act: ActName | Literal["protect", "attach"]) -> None:
    """Raises Refused (conflict), naming state and act, where the table does not allow it."""
    if complaint.erased == "complaint" and act in ("amend", "reply"):
        reason = f"{complaint.ticket} is erased; nobody would read what {act} says"
        raise Refused([FieldError(field="act", reason=reason)], conflict=True)
    if complaint.stands not in POSSIBLE[act]:
        allowed = ", ".join(POSSIBLE[act])
        reason = f"{complaint.ticket} is {complaint.stands}; {act} is possible only where it is {allowed}"
        raise Refused([FieldError(field="act", reason=reason)], conflict=True)
