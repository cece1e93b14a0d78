"""What routing hears, and which rule answers it."""

from collections.abc import Callable, Mapping

from services.routing import store
from services.routing.domain import (
    acts,
    amending,
    arrival,
    deadlines,
    erasing,
    lapor,
    oversight,
    reporter,
    updates,
    work,
)
from services.routing.domain.case import Case
from services.routing.domain.city import City
from services.routing.domain.updates import Speaker
from services.routing.domain.wording import discreetly
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
from shared.events.lapor import LaporLinked, LaporReassigned, LaporReplied, LaporStatusChanged
from shared.events.sla import (
    ClockBreached,
    ClockBreachWithdrawn,
    ClockCancelled,
    ClockLapsed,
    ClockMet,
    ClockPaused,
    ClockRescheduled,
    ClockResumed,
    ClockStarted,
    ClockUnobserved,
    ClockWarned,
)
from shared.events.updates import OpdUpdatePosted

hears: Mapping[type[Fact], Rule[Case, City]] = {
    ComplaintReceived: arrival.on_complaint_received,
    ComplaintAmended: amending.on_complaint_amended,
    ComplaintMerged: amending.on_complaint_merged,
    ComplaintUnmerged: amending.on_complaint_unmerged,
    ComplaintWithdrawn: reporter.on_complaint_withdrawn,
    ComplaintErased: erasing.on_complaint_erased,
    CitizenReplied: reporter.on_citizen_replied,
    LaporLinked: lapor.on_lapor_linked,
    LaporStatusChanged: lapor.on_lapor_status_changed,
    LaporReassigned: lapor.on_lapor_reassigned,
    LaporReplied: lapor.on_lapor_replied,
    ClockLapsed: reporter.on_clock_lapsed,
    ClockStarted: deadlines.on_clock_told,
    ClockPaused: deadlines.on_clock_told,
    ClockResumed: deadlines.on_clock_told,
    ClockRescheduled: deadlines.on_clock_told,
    ClockWarned: deadlines.on_clock_told,
    ClockBreached: deadlines.on_clock_told,
    ClockBreachWithdrawn: deadlines.on_clock_told,
    ClockMet: deadlines.on_clock_told,
    ClockCancelled: deadlines.on_clock_told,
    ClockUnobserved: deadlines.on_clock_told,
    OpdUpdatePosted: updates.on_opd_update_posted,
    acts.Route: discreetly(work.route),
    acts.Reject: discreetly(work.reject),
    acts.Accept: discreetly(work.accept),
    acts.HandBack: discreetly(work.hand_back),
    acts.Progress: discreetly(work.progress),
    acts.Ask: discreetly(work.ask),
    acts.Answer: discreetly(work.answer),
    acts.Close: discreetly(work.close),
    acts.Reopen: discreetly(oversight.reopen),
    acts.Classify: discreetly(oversight.classify),
    acts.Extend: discreetly(oversight.extend),
}


def routing_fold(speaks_for: Callable[[str], str | None]) -> Fold[Case, City]:
    """The fold. `speaks_for`: name of an OPD's system -> whose it is."""

    async def speaker(event: OpdUpdatePosted) -> Speaker:
        return Speaker(speaks_for(event.source))

    return Fold(
        hears,
        load=store.load_cases,
        save=store.save_cases,
        city=store.load_city,
        forget=erasing.forget,
        lookups={OpdUpdatePosted: store.cases_of_updates},
        refuses={OpdUpdatePosted: updates.refusal},
        examine={OpdUpdatePosted: speaker},
    )
