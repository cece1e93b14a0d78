"""What the bridge hears, and which rule answers it; after each the two sides are compared."""

from collections.abc import Mapping
from uuid import UUID

from services.lapor_bridge import store
from services.lapor_bridge.domain import acts, delivering, erasing, forwarding, mirroring
from services.lapor_bridge.domain.city import City
from services.lapor_bridge.domain.comparing import comparing
from services.lapor_bridge.domain.link import Link
from shared.delivery.fold import Fold, Rule
from shared.events.fact import Fact
from shared.events.ids import complaint_id
from shared.events.intake import (
    ComplaintAmended,
    ComplaintErased,
    ComplaintMerged,
    ComplaintReceived,
    ComplaintUnmerged,
    ComplaintWithdrawn,
)
from shared.events.receipts import SubmissionAccepted, SubmissionRefused
from shared.events.routing import (
    ComplaintAnswered,
    ComplaintClassified,
    ComplaintClosed,
    ComplaintProgressed,
    ComplaintRejected,
    ComplaintReopened,
    ComplaintRouted,
    InformationRequested,
)

hears: Mapping[type[Fact], Rule[Link, City]] = {
    ComplaintReceived: forwarding.on_complaint_received,
    ComplaintAmended: forwarding.on_complaint_amended,
    ComplaintMerged: forwarding.on_complaint_merged,
    ComplaintUnmerged: forwarding.on_complaint_unmerged,
    ComplaintWithdrawn: forwarding.on_complaint_withdrawn,
    ComplaintErased: erasing.on_complaint_erased,
    ComplaintClassified: forwarding.on_complaint_classified,
    ComplaintRouted: forwarding.on_complaint_routed,
    ComplaintProgressed: forwarding.on_complaint_progressed,
    ComplaintAnswered: forwarding.on_complaint_answered,
    InformationRequested: forwarding.on_information_requested,
    ComplaintRejected: forwarding.on_complaint_rejected,
    ComplaintClosed: forwarding.on_complaint_closed,
    ComplaintReopened: forwarding.on_complaint_reopened,
    SubmissionAccepted: mirroring.on_submission_accepted,
    SubmissionRefused: mirroring.on_submission_refused,
    acts.ReportSighted: mirroring.on_report_sighted,
    acts.ReportTouched: mirroring.on_report_touched,
    acts.ReportUnreadable: mirroring.on_report_unreadable,
    acts.SubmissionSent: mirroring.on_submission_sent,
    acts.AttemptBegun: delivering.on_attempt_begun,
    acts.Delivered: delivering.on_delivered,
    acts.Postponed: delivering.on_postponed,
    acts.Declined: delivering.on_declined,
    acts.LeftUnsettled: delivering.on_left_unsettled,
    acts.NotFoundThere: delivering.on_not_found_there,
    acts.CannotTell: delivering.on_cannot_tell,
    acts.LookupFailed: delivering.on_lookup_failed,
}


def of_our_own(receipt: SubmissionAccepted | SubmissionRefused) -> UUID | None:
    """The complaint of a receipt that answers a submission of ours; None for everybody else's."""
    if receipt.source != forwarding.BRIDGE:
        return None
    return complaint_id(receipt.source, receipt.reference)


fold = Fold(
    {kind: comparing(rule) for kind, rule in hears.items()},
    load=store.load_links,
    save=store.save_links,
    city=store.load_city,
    forget=erasing.forget,
    keys={SubmissionAccepted: of_our_own, SubmissionRefused: of_our_own},
)
