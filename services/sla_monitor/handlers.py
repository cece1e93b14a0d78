"""What the monitor hears, and which rule answers it."""

from collections.abc import Mapping
from datetime import timedelta

from services.sla_monitor import store
from services.sla_monitor.domain import rules
from services.sla_monitor.domain.registry import Registry
from services.sla_monitor.domain.watched import Watched
from shared.delivery.fold import Fold, Rule
from shared.events.fact import Fact
from shared.events.intake import (
    CitizenReplied,
    ComplaintAmended,
    ComplaintErased,
    ComplaintMerged,
    ComplaintReceived,
    ComplaintUnmerged,
    ComplaintWithdrawn,
)
from shared.events.routing import (
    ComplaintAccepted,
    ComplaintAnswered,
    ComplaintClassified,
    ComplaintClosed,
    ComplaintHandedBack,
    ComplaintProgressed,
    ComplaintRejected,
    ComplaintReopened,
    ComplaintRouted,
    DeadlineExtended,
    InformationRequested,
    TriageRequested,
)

hears: Mapping[type[Fact], Rule[Watched, Registry]] = {
    ComplaintReceived: rules.on_complaint_received,
    ComplaintAmended: rules.on_complaint_amended,
    ComplaintMerged: rules.on_complaint_merged,
    ComplaintUnmerged: rules.on_complaint_unmerged,
    CitizenReplied: rules.on_citizen_replied,
    ComplaintWithdrawn: rules.on_complaint_withdrawn,
    ComplaintErased: rules.on_complaint_erased,
    ComplaintClassified: rules.on_complaint_classified,
    TriageRequested: rules.on_triage_requested,
    ComplaintRouted: rules.on_opd_work,
    ComplaintAccepted: rules.on_opd_work,
    ComplaintProgressed: rules.on_opd_work,
    ComplaintAnswered: rules.on_opd_work,
    ComplaintHandedBack: rules.on_opd_work,
    InformationRequested: rules.on_opd_work,
    ComplaintRejected: rules.on_complaint_rejected,
    ComplaintClosed: rules.on_complaint_closed,
    ComplaintReopened: rules.on_complaint_reopened,
    DeadlineExtended: rules.on_deadline_extended,
    rules.Swept: rules.on_swept,
    rules.CalendarAdopted: rules.on_calendar_adopted,
}


def make_fold(settle: timedelta) -> Fold[Watched, Registry]:
    """The fold; `settle`: how long a clock that was overdue when it was first seen keeps silent."""
    return Fold(hears, load=store.load_watched, save=store.save_watched, city=store.registry_reader(settle))
