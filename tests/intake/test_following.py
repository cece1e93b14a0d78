"""Following: how the public timeline grows, and what a citizen's reply in LAPOR becomes."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.intake.domain.complaint import Complaint
from services.intake.domain.following import on_later_fact
from services.intake.domain.receiving import on_submission_posted
from services.intake.domain.timeline import SHOWN, STATUS_WORDS, STEPS
from services.intake.handlers import hears
from shared.events.fact import Event
from shared.events.intake import CitizenReplied, ComplaintReceived
from shared.events.lapor import LaporLinked, LaporReplied
from shared.events.parts import By
from shared.events.receipts import SubmissionAccepted
from shared.events.routing import (
    ComplaintAccepted,
    ComplaintAnswered,
    ComplaintClosed,
    ComplaintHandedBack,
    ComplaintProgressed,
    ComplaintRejected,
    ComplaintReopened,
    DeadlineExtended,
    TriageRequested,
)
from tests.intake.world import (
    BY_OPD,
    KEYS,
    NIK,
    NOW,
    asked,
    blank,
    fact_id,
    kept,
    received,
    routed,
    submission,
)

VERIFIER = By(kind="person", name="verifikator")


def work(kind: Any, text: str | None = None) -> Event:
    fact: Event = kind(at=NOW, by=BY_OPD, disposition=1, opd="PUPR", text=text)
    return fact.known_as(fact_id(kind.__name__))


def triage(name: str = "triage") -> Event:
    return TriageRequested(at=NOW, by=By(kind="rule"), reasons=("no cue",), candidates=()).known_as(
        fact_id(name)
    )


def handed_back() -> Event:
    return ComplaintHandedBack(
        at=NOW, by=BY_OPD, disposition=1, opd="PUPR", reason="bukan jalan kota"
    ).known_as(fact_id("handed back"))


def rejected() -> Event:
    return ComplaintRejected(
        at=NOW, by=VERIFIER, kind="not_ours", reason="Jaringan listrik milik PLN.", refer_to="PLN"
    ).known_as(fact_id("rejected"))


def closed(kind: Any = "closed") -> Event:
    return ComplaintClosed(at=NOW, by=By(kind="system"), kind=kind, reason="silence lapsed").known_as(
        fact_id(f"closed {kind}")
    )


def reopened() -> Event:
    return ComplaintReopened(at=NOW, by=VERIFIER, reason=f"Lampu masih padam, kata {NIK}.").known_as(
        fact_id("reopened")
    )


def extended(days: int = 5) -> Event:
    return DeadlineExtended(
        at=NOW, by=VERIFIER, clock="resolution", days=days, reason="Suku cadang dipesan."
    ).known_as(fact_id(f"extended {days}"))


def linked(lapor_id: str = "7000001") -> LaporLinked:
    return LaporLinked(lapor_id=lapor_id, origin="hub").known_as(fact_id(f"linked {lapor_id}"))


def reply(
    item: str = "1", kind: Any = "citizen", at: datetime | None = NOW, text: str = "RT 05"
) -> LaporReplied:
    return LaporReplied(lapor_id="7000001", item=item, by=By(kind=kind), text=text, at=at).known_as(
        fact_id(f"reply {item}")
    )


def told(complaint: Complaint, *facts: Event, now: datetime = NOW) -> Complaint:
    for fact in facts:
        complaint = on_later_fact(complaint, fact, KEYS, now).state
    return complaint


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ([triage()], "verifying"),
        ([routed()], "routed"),
        ([routed(), work(ComplaintAccepted)], "in_work"),
        ([routed(), work(ComplaintProgressed, "alat datang")], "in_work"),
        ([routed(), asked()], "waiting"),
        ([routed(), asked(), reply()], "in_work"),
        ([routed(), work(ComplaintAnswered, "sudah menyala")], "answered"),
        ([routed(), work(ComplaintAnswered, "sudah"), reply()], "in_work"),
        ([routed(), reply()], "routed"),
        ([routed(), handed_back()], "reexamined"),
        ([routed(), handed_back(), triage()], "reexamined"),
        ([routed(), handed_back(), triage(), routed("PERKIM", disposition=2)], "routed"),
        ([triage(), rejected()], "rejected"),
        ([closed()], "closed"),
        ([closed(), reopened(), triage()], "reexamined"),
        ([closed("withdrawn"), reopened(), triage(), routed()], "routed"),
        ([routed(), extended()], "routed"),
        ([closed("archived")], "archived"),
        ([closed("withdrawn")], "withdrawn"),
        ([closed("blocked")], "blocked"),
        ([routed(), linked()], "routed"),
    ],
)
def test_how_a_complaint_stands_follows_what_routing_does(facts: list[Event], status: str) -> None:
    assert told(received(), *facts).status == status


def test_the_timeline_counts_on_from_what_the_store_has() -> None:
    complaint = told(kept(received()), routed(), work(ComplaintAccepted))
    assert complaint.steps == 3
    assert [step.code for step in complaint.fresh] == ["routed", "accepted"]
    assert complaint.opd == "PUPR"


def test_a_second_request_for_triage_is_no_second_step() -> None:
    assert told(received(), triage("one"), triage("two")).steps == 2


def test_what_an_official_wrote_is_masked_before_the_public_reads_it() -> None:
    complaint = told(kept(received()), work(ComplaintAnswered, f"Bapak dengan NIK {NIK} sudah dihubungi"))
    assert complaint.fresh[0].text == "Bapak dengan NIK [NIK] sudah dihubungi"


def test_the_reason_of_a_hand_back_is_not_kept_for_the_public() -> None:
    assert told(kept(received()), handed_back()).fresh[0].text is None


def test_a_rejection_names_whom_to_turn_to() -> None:
    step = told(kept(received()), rejected()).fresh[0]
    assert (step.opd, step.text) == ("PLN", "Jaringan listrik milik PLN.")


def test_the_number_in_lapor_is_told_once() -> None:
    complaint = told(kept(received()), linked(), linked())
    assert complaint.lapor_id == "7000001"
    assert [step.reference for step in complaint.fresh] == ["7000001"]


def test_a_reporters_reply_in_lapor_is_the_citizens_reply_to_the_last_question() -> None:
    question = asked()
    complaint = told(received(), routed(), question)
    at = NOW - timedelta(hours=5)
    decision = on_later_fact(complaint, reply(at=at, text=f"RT 05, hp 08000001234, {NIK}"), KEYS, NOW)
    (replied,) = decision.says
    assert isinstance(replied, CitizenReplied)
    assert (replied.at, replied.answers) == (at, question.id)
    assert replied.text == "RT 05, hp [telepon], [NIK]"


def test_a_reply_whose_instant_is_unknown_keeps_it_unknown_and_none_is_in_the_future() -> None:
    (unknown,) = on_later_fact(received(), reply(at=None), KEYS, NOW).says
    assert isinstance(unknown, CitizenReplied)
    assert unknown.at is None
    (ahead,) = on_later_fact(received(), reply(at=NOW + timedelta(days=1)), KEYS, NOW).says
    assert isinstance(ahead, CitizenReplied)
    assert ahead.at == NOW


def test_one_item_of_lapor_is_one_reply_however_often_it_is_said() -> None:
    complaint = told(received(), reply("1"))
    assert not on_later_fact(complaint, reply("1"), KEYS, NOW).says
    assert on_later_fact(complaint, reply("2"), KEYS, NOW).says


@pytest.mark.parametrize("kind", ["opd", "lapor", "system"])
def test_what_an_office_writes_in_lapor_is_not_intakes_to_tell(kind: str) -> None:
    complaint = received()
    decision = on_later_fact(complaint, reply(kind=kind), KEYS, NOW)
    assert decision.state is complaint
    assert not decision.says


def test_facts_that_come_before_their_complaint_wait_and_are_folded_when_it_comes() -> None:
    posted = submission()
    early = told(blank(posted), linked(), asked(), reply())
    assert not early.is_known
    assert len(early.early) == 3
    decision = on_submission_posted(kept(early), posted, KEYS, NOW)
    assert [type(event) for event in decision.says] == [ComplaintReceived, SubmissionAccepted, CitizenReplied]
    assert [step.code for step in decision.state.fresh] == ["received", "linked", "waiting", "replied"]
    assert decision.state.early == ()
    replied = decision.says[-1]
    (later,) = on_later_fact(told(received(), asked()), reply(), KEYS, NOW).says
    assert replied.id == later.id


def test_a_refused_submission_leaves_early_facts_waiting() -> None:
    posted = submission(text=" ")
    early = told(blank(posted), linked())
    assert on_submission_posted(early, posted, KEYS, NOW).state is early


def test_that_it_was_reopened_and_given_more_time_is_told_with_the_reason_masked() -> None:
    complaint = told(received(), closed(), reopened(), extended(5))
    back, more = complaint.fresh[-2:]
    assert (back.code, back.text) == ("reopened", "Lampu masih padam, kata [NIK].")
    assert (more.code, more.text) == ("extended", "Suku cadang dipesan.")
    words = STEPS["extended"].words.format(opd="", reference=more.reference)
    assert words == "Batas waktu diperpanjang 5 hari kerja"


def test_every_fact_that_is_shown_is_heard_and_every_step_has_words() -> None:
    assert set(SHOWN) <= set(hears)
    assert {rule.status for rule in STEPS.values() if rule.status} <= set(STATUS_WORDS)
