"""A complaint arrives: routed, put before a verifier, or taken over as LAPOR had left it."""

from datetime import datetime
from typing import Any

import pytest

from services.routing.domain.case import Case
from shared.events.fact import Fact
from shared.events.ids import event_id
from shared.events.routing import ComplaintClassified, ComplaintClosed, ComplaintRouted, TriageRequested
from tests.routing.world import (
    ABROAD,
    CLEAR,
    HOUR,
    NOW,
    VAGUE,
    a_case,
    fold,
    in_lapor,
    kinds,
    lapsed,
    linked,
    reassigned,
    received,
    replied,
    replied_there,
    status_changed,
    withdrawn,
)


def test_a_clear_complaint_is_classified_and_routed_with_its_trace() -> None:
    decision = fold(Case(), received(CLEAR))
    classified, routed = decision.says
    assert isinstance(classified, ComplaintClassified)
    assert (classified.category, classified.urgency, classified.by.kind) == ("Lampu Jalan", "urgent", "rule")
    assert isinstance(routed, ComplaintRouted)
    assert (routed.disposition, routed.opd, routed.at, routed.by.kind) == (1, "LAMPU", NOW, "rule")
    assert routed.trace
    assert routed.rule == "lamps@awal"
    assert decision.state.found is not None
    assert decision.state.found.trace == routed.trace
    assert decision.state.found.registry == 7
    assert not decision.state.pinned


def test_what_is_said_is_named_after_the_complaints_own_fact() -> None:
    event = received(CLEAR)
    classified, routed = fold(Case(), event).says
    assert classified.id == event_id(event.id, ComplaintClassified.type, 0)
    assert routed.id == event_id(event.id, ComplaintRouted.type, 0)


@pytest.mark.parametrize("sent", ["berkadar_pengawasan", "aspirasi", None])
def test_klasifikasi_is_the_senders_or_none(sent: Any) -> None:
    classified = fold(Case(), received(CLEAR, klasifikasi=sent)).says[0]
    assert isinstance(classified, ComplaintClassified)
    assert classified.klasifikasi == sent


def test_a_vague_complaint_waits_for_a_verifier() -> None:
    decision = fold(Case(), received(VAGUE))
    [asked] = decision.says
    assert isinstance(asked, TriageRequested)
    assert asked.reasons == ("no_sign",)
    assert decision.state.state == "triage"
    assert decision.state.dispositions == ()


def test_an_owner_outside_the_city_is_a_verifiers_to_refer_to() -> None:
    [asked] = fold(Case(), received(ABROAD)).says
    assert isinstance(asked, TriageRequested)
    assert "owner_outside_city" in asked.reasons
    assert asked.candidates[0].opd == "LISTRIK"


def test_the_same_complaint_again_says_nothing() -> None:
    case = a_case("in_work")
    decision = fold(case, received(CLEAR))
    assert decision.state is case
    assert decision.says == ()


# What LAPOR had done before we saw the report → what is said, and where the case begins (DESIGN §5).
IMPORTS: list[tuple[dict[str, Any], tuple[str, str], list[str], str]] = [
    ({"state": "closed"}, CLEAR, ["complaint.classified", "complaint.closed"], "closed"),
    ({"state": "closed"}, VAGUE, ["complaint.classified", "complaint.closed"], "closed"),
    ({"state": "archived"}, VAGUE, ["complaint.classified", "complaint.closed"], "closed"),
    ({"state": "blocked"}, VAGUE, ["complaint.classified", "complaint.closed"], "closed"),
    (
        {"state": "closed", "opd": "LAMPU", "institution": "Dinas Lampu"},
        CLEAR,
        ["complaint.classified", "complaint.closed"],
        "closed",
    ),
    (
        {"opd": "BERSIH", "institution": "Dinas Kebersihan"},
        VAGUE,
        ["complaint.classified", "complaint.routed"],
        "routed",
    ),
    (
        {"state": "waiting", "opd": "BERSIH", "institution": "Dinas Kebersihan"},
        CLEAR,
        ["complaint.classified", "complaint.routed"],
        "routed",
    ),
    (
        {"state": "answered", "opd": "BERSIH", "institution": "Dinas Kebersihan"},
        CLEAR,
        ["complaint.classified", "complaint.routed"],
        "routed",
    ),
    ({"state": "unknown", "institution": "Dinas Entah"}, VAGUE, ["triage.requested"], "triage"),
    (
        {"institution": "Dinas Entah"},
        CLEAR,
        ["complaint.classified", "complaint.routed"],
        "routed",
    ),
    ({"institution": "Dinas Entah"}, VAGUE, ["triage.requested"], "triage"),
    ({"opd": "PEMKOT", "institution": "Pemerintah Kota Contoh"}, VAGUE, ["triage.requested"], "triage"),
    ({"opd": "LAMA", "institution": "Dinas Lama"}, VAGUE, ["triage.requested"], "triage"),
    ({"opd": "LISTRIK", "institution": "Perusahaan Listrik"}, CLEAR, ["triage.requested"], "triage"),
    ({}, CLEAR, ["complaint.classified", "complaint.routed"], "routed"),
]


@pytest.mark.parametrize(("there", "words", "said", "state"), IMPORTS)
def test_imported_history_begins_as_lapor_left_it(
    there: dict[str, Any], words: tuple[str, str], said: list[str], state: str
) -> None:
    decision = fold(Case(), received(words, lapor=in_lapor(**there)))
    assert kinds(decision.says) == said
    assert decision.state.state == state
    assert decision.state.in_lapor.institution == there.get("institution")


@pytest.mark.parametrize("kind", ["closed", "archived", "blocked"])
def test_an_ended_import_says_who_ended_it_there_and_when(kind: Any) -> None:
    there = in_lapor(kind, status="Ditutup oleh Sistem", closed_by="Sistem", status_at=NOW - 99 * HOUR)
    closed = fold(Case(), received(VAGUE, lapor=there)).says[-1]
    assert isinstance(closed, ComplaintClosed)
    assert (closed.kind, closed.by.kind, closed.by.name) == (kind, "lapor", "Sistem")
    assert closed.at == NOW - 99 * HOUR
    assert closed.reason == "Ditutup oleh Sistem"


@pytest.mark.parametrize(
    ("disposed_at", "at"), [(NOW - 9 * HOUR, NOW - 9 * HOUR), (NOW + HOUR, NOW), (None, None)]
)
def test_lapors_disposition_is_the_first_at_its_own_instant_never_in_the_future(
    disposed_at: datetime | None, at: datetime | None
) -> None:
    there = in_lapor(opd="BERSIH", institution="Dinas Kebersihan", disposed_at=disposed_at)
    decision = fold(Case(), received(CLEAR, lapor=there))
    routed = decision.says[-1]
    assert isinstance(routed, ComplaintRouted)
    assert (routed.disposition, routed.opd, routed.by.kind, routed.at) == (1, "BERSIH", "lapor", at)
    assert decision.state.pinned


def test_a_lapor_owner_outside_the_city_is_the_first_candidate() -> None:
    [asked] = fold(Case(), received(CLEAR, lapor=in_lapor(opd="LISTRIK"))).says
    assert isinstance(asked, TriageRequested)
    assert asked.reasons == ("owner_outside_city",)
    assert [candidate.opd for candidate in asked.candidates][:2] == ["LISTRIK", "LAMPU"]


EARLY: list[tuple[Fact, list[str], str]] = [
    (withdrawn(), ["complaint.classified", "complaint.routed", "complaint.closed"], "closed"),
    (status_changed("closed"), ["complaint.classified", "complaint.routed", "complaint.closed"], "closed"),
    (status_changed("open"), ["complaint.classified", "complaint.routed"], "routed"),
    (reassigned("BERSIH"), ["complaint.classified", "complaint.routed", "complaint.routed"], "routed"),
    (replied_there(), ["complaint.classified", "complaint.routed", "complaint.answered"], "answered"),
    (replied(), ["complaint.classified", "complaint.routed"], "routed"),
    (linked(), ["complaint.classified", "complaint.routed"], "routed"),
    (lapsed("silence", None), ["complaint.classified", "complaint.routed"], "routed"),
]


@pytest.mark.parametrize(("early", "said", "state"), EARLY)
def test_a_fact_that_came_before_its_complaint_waits_for_it(early: Fact, said: list[str], state: str) -> None:
    waiting = fold(Case(), early, early)
    assert waiting.says == ()
    assert waiting.state.early == (early,)
    arrived = fold(waiting.state, received(CLEAR))
    assert kinds(arrived.says) == said
    assert arrived.state.state == state
    assert arrived.state.early == ()


def test_early_facts_are_answered_in_the_order_in_which_they_came_under_their_own_names() -> None:
    reply, ending = replied_there(), status_changed("archived", status="Diarsipkan oleh Admin")
    decision = fold(Case(), reply, ending, received(CLEAR))
    answered, closed = decision.says[-2:]
    assert answered.id == event_id(reply.id, answered.type, 0)
    assert isinstance(closed, ComplaintClosed)
    assert closed.id == event_id(ending.id, closed.type, 0)
    assert closed.kind == "archived"


def test_lapors_disposition_that_came_before_a_vague_complaint_takes_it_out_of_triage() -> None:
    decision = fold(Case(), reassigned("BERSIH"), received(VAGUE))
    assert kinds(decision.says) == ["triage.requested", "complaint.classified", "complaint.routed"]
    assert decision.state.opd == "BERSIH"
