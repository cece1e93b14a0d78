"""Two complaints that tell of one matter: one goes on for both, and each can be set apart again.

A complaint that was merged takes no other in, and one that others were merged into goes nowhere itself: so
there are no chains and no circles. Each rule sees its own complaint; both are locked in one transaction.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from services.intake.domain.acts import Absorb, Merge, Release, Unmerge
from services.intake.domain.complaint import Complaint
from services.intake.domain.keyed import Subkeys
from services.intake.domain.possible import require
from services.intake.domain.timeline import Step
from shared.decision import Decision, Refused
from shared.events.intake import ComplaintMerged, ComplaintUnmerged
from shared.events.parts import ComplaintRef, FieldError


def merge(complaint: Complaint, act: Merge, _keys: Subkeys, now: datetime) -> Decision[Complaint]:
    """From here on the other one goes on for this one."""
    if act.into.complaint_id == complaint.id:
        raise Refused([FieldError(field="into", reason="is the complaint itself")])
    if complaint.merged_into == act.into:
        return Decision(complaint)
    if complaint.merged_into is not None:
        raise _conflict(f"{complaint.ticket} is merged into {complaint.merged_into.ticket}; unmerge it first")
    if complaint.absorbed:
        others = _tickets(complaint.absorbed)
        raise _conflict(f"{others} is merged into {complaint.ticket}; unmerge that first")
    require(complaint, "merge")
    said = ComplaintMerged(at=now, role="merged", into=act.into, merged=complaint.ref, by=act.by)
    return Decision(replace(complaint.with_step(Step("merged", now, act.id)), merged_into=act.into), [said])


def absorb(complaint: Complaint, act: Absorb, _keys: Subkeys, now: datetime) -> Decision[Complaint]:
    """From here on this one goes on for the other one too."""
    if act.merged in complaint.absorbed:
        return Decision(complaint)
    if complaint.merged_into is not None:
        raise _conflict(f"{complaint.ticket} is itself merged into {complaint.merged_into.ticket}")
    require(complaint, "absorb")
    said = ComplaintMerged(at=now, role="survivor", into=complaint.ref, merged=act.merged, by=act.by)
    return Decision(
        replace(
            complaint.with_step(Step("absorbed", now, act.id)), absorbed=(*complaint.absorbed, act.merged)
        ),
        [said],
    )


def unmerge(complaint: Complaint, act: Unmerge, _keys: Subkeys, now: datetime) -> Decision[Complaint]:
    """It goes its own way again, from where it stood."""
    if complaint.merged_into is None:
        raise _conflict(
            f"{complaint.ticket} is {complaint.stands}; unmerge is possible only where it is merged"
        )
    if complaint.merged_into != act.out_of:
        raise _conflict("it was merged into another one meanwhile; try again")
    said = ComplaintUnmerged(
        at=now, role="merged", into=complaint.merged_into, merged=complaint.ref, by=act.by
    )
    return Decision(replace(complaint.with_step(Step("unmerged", now, act.id)), merged_into=None), [said])


def release(complaint: Complaint, act: Release, _keys: Subkeys, now: datetime) -> Decision[Complaint]:
    """It goes on without the other one."""
    if act.merged not in complaint.absorbed:
        return Decision(complaint)
    said = ComplaintUnmerged(at=now, role="survivor", into=complaint.ref, merged=act.merged, by=act.by)
    left = tuple(other for other in complaint.absorbed if other != act.merged)
    return Decision(replace(complaint.with_step(Step("released", now, act.id)), absorbed=left), [said])


def _tickets(refs: Iterable[ComplaintRef]) -> str:
    return ", ".join(ref.ticket for ref in refs)


def _conflict(reason: str) -> Refused:
    return Refused([FieldError(field="act", reason=reason)], conflict=True)
