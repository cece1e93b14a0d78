"""What officials see of a case: the line in a list, and the whole with its trace and history."""

from uuid import UUID

from services.routing.domain.case import Case, CaseState, Deadline, Disposition, InLapor, Moment, Urgency
from shared.events.fact import Instant, Part
from shared.events.parts import Channel, Klasifikasi, OpdCode, Place, Ticket
from shared.events.routing import Candidate


class CaseLine(Part):
    """A case in a list. `opd` is whose it is, or was when it closed; `disposition` counts how often it was given.

    `merged_into`: the complaint whose case goes on for this one; nobody works on this one meanwhile.
    `trace` says how the rules read the text. `due_at` is the earliest deadline of the city or the OPD, `pressing`
    that one is soon or over, both as the monitor told it. `handed_back` names the OPDs that gave it back, in
    order; `given_again` counts the dispositions to one that had done so before.
    """

    ticket: str
    complaint_id: UUID
    state: CaseState
    opd: OpdCode | None
    disposition: int
    title: str
    channel: Channel
    category: str | None
    klasifikasi: Klasifikasi | None
    urgency: Urgency
    place: Place | None
    anonymous: bool
    confidential: bool
    pinned: bool
    reported_at: Instant
    received_at: Instant
    last_act: str | None
    last_act_at: Instant | None
    lapor_id: str | None
    merged_into: Ticket | None
    text: str
    trace: tuple[str, ...]
    due_at: Instant | None
    pressing: bool
    handed_back: tuple[OpdCode, ...]
    given_again: int


class TriageLine(CaseLine):
    """A case that waits for a verifier: why, and who it may be for, best first."""

    reasons: tuple[str, ...]
    candidates: tuple[Candidate, ...]


class CaseView(TriageLine):
    """A case whole. The rules read it by version `registry` of the city's registry. `clocks` are the open ones.

    `masked`, in the answer to an act: the words that took the place of what named a person in what was written
    (`NIK`, `telepon` …). Nobody has it in clear.
    """

    category_hint: str | None
    rule: str | None
    confidence: float | None
    registry: int | None
    clocks: tuple[Deadline, ...]
    dispositions: tuple[Disposition, ...]
    in_lapor: InLapor
    history: tuple[Moment, ...]
    masked: tuple[str, ...] = ()


class CasePage(Part):
    """Some cases; `next` is the `after` of the following page, None on the last."""

    cases: tuple[CaseLine, ...]
    next: str | None


class TriagePage(Part):
    """Some cases in triage; `next` as in `CasePage`."""

    cases: tuple[TriageLine, ...]
    next: str | None


class Worklists(Part):
    """How many cases stand in each worklist, for an official's first page. `opd` None: the city's own lists."""

    opd: OpdCode | None
    mine: int
    new: int
    due_soon: int
    waiting_for_citizen: int
    handed_back: int


def line(complaint_id: UUID, case: Case) -> CaseLine:
    """The case as a line in a list."""
    return CaseLine(**_line(complaint_id, case))


def triage_line(complaint_id: UUID, case: Case) -> TriageLine:
    """The case as a verifier's list shows it."""
    return TriageLine(**_line(complaint_id, case), **_asked(case))


def view(complaint_id: UUID, case: Case, act: UUID | None = None) -> CaseView:
    """The whole case, as the answer to an act if one is named. LookupError where the complaint has not arrived."""
    if case.complaint is None:
        raise LookupError("the complaint has not arrived")
    found = case.found
    return CaseView(
        **_line(complaint_id, case),
        **_asked(case),
        category_hint=case.complaint.category_hint,
        rule=found.rule if found else None,
        confidence=found.confidence if found else None,
        registry=found.registry if found else None,
        clocks=case.clocks,
        dispositions=case.dispositions,
        in_lapor=case.in_lapor,
        history=case.history,
        masked=next((moment.masked for moment in case.history if moment.cause == act and moment.masked), ()),
    )


def _line(complaint_id: UUID, case: Case) -> dict[str, object]:
    complaint, last, said = case.complaint, case.last_act, case.classified
    if complaint is None:
        raise LookupError("the complaint has not arrived")
    return {
        "ticket": complaint.ticket,
        "complaint_id": complaint_id,
        "state": case.state,
        "opd": case.opd,
        "disposition": len(case.dispositions),
        "title": complaint.title,
        "channel": complaint.channel,
        "category": said.category if said else case.found.category if case.found else None,
        "klasifikasi": said.klasifikasi if said else complaint.klasifikasi,
        "urgency": said.urgency if said else case.found.urgency if case.found else "normal",
        "place": complaint.place,
        "anonymous": complaint.anonymous,
        "confidential": complaint.confidential,
        "pinned": case.pinned,
        "reported_at": complaint.reported_at,
        "received_at": complaint.received_at,
        "last_act": last.act if last else None,
        "last_act_at": last.at if last else None,
        "lapor_id": case.in_lapor.lapor_id,
        "merged_into": case.merged_into.ticket if case.merged_into else None,
        "text": complaint.text,
        "trace": case.found.trace if case.found else (),
        "due_at": case.due_at,
        "pressing": case.pressing,
        "handed_back": case.handed_back,
        "given_again": case.given_again,
    }


def _asked(case: Case) -> dict[str, object]:
    found = case.found
    return {"reasons": found.reasons if found else (), "candidates": found.candidates if found else ()}
