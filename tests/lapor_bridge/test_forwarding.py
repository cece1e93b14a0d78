"""What of the hub's facts goes to LAPOR, in which order, and what never does."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.lapor_bridge.domain.acts import AttemptBegun, Delivered, NotFoundThere
from services.lapor_bridge.domain.link import Link
from shared.events.fact import Fact
from shared.events.intake import ComplaintAmended, ComplaintMerged, ComplaintUnmerged, ComplaintWithdrawn
from shared.events.parts import By, ComplaintRef, LaporOrigin
from shared.events.routing import (
    ComplaintClassified,
    ComplaintClosed,
    ComplaintProgressed,
    ComplaintRejected,
    InformationRequested,
)
from tests.lapor_bridge.world import (
    AT_LAMPS,
    IN_LAPOR,
    NOW,
    REPORT,
    THEIRS,
    TICKET,
    accepted,
    answered,
    fold,
    kinds,
    named,
    ours,
    received,
    routed,
    sighted,
    standing,
    theirs,
)


def withdrawn() -> Fact:
    return named(ComplaintWithdrawn(at=NOW), "withdrawn")


def amended(**changes: Any) -> Fact:
    said = ComplaintAmended(at=NOW, by=By(kind="citizen"), changed=tuple(changes), **changes)
    return named(said, f"amended {changes}")


def merging(kind: type[ComplaintMerged | ComplaintUnmerged], role: Any = "merged") -> Fact:
    here, there = (ComplaintRef(complaint_id=UUID(int=n), ticket=f"0000000000{n}") for n in (1, 2))
    by = By(kind="person", name="verifikator")
    return named(kind(at=NOW, role=role, into=there, merged=here, by=by), f"{kind.type} {role}")


def rejected(kind: Any = "not_ours", by: By = AT_LAMPS) -> Fact:
    return named(ComplaintRejected(at=NOW, by=by, kind=kind, reason="Bukan kami."), "rejected")


def closed(kind: Any = "closed", by: By = AT_LAMPS) -> Fact:
    return named(ComplaintClosed(at=NOW, by=by, kind=kind, reason="Selesai."), "closed")


def line(link: Link) -> list[str]:
    return [write.operation for write in link.writes]


REPORTED = (Delivered(n=0, lapor_id=REPORT),)


def test_the_first_disposition_is_the_moment_to_forward() -> None:
    assert line(ours(received()).state) == []
    link = ours(received(), routed()).state
    assert (line(link), link.forwarding, link.work_at) == (["create"], "wanted", NOW)


def test_the_order_in_which_the_two_owners_are_heard_does_not_matter() -> None:
    assert ours(routed(), received()).state.writes[0].operation == "create"
    early = ours(routed(), answered(), received()).state
    late = ours(received(), routed(), answered()).state
    assert line(early) == line(late) == ["create", "answer"]


def test_a_later_disposition_sends_nothing_more() -> None:
    link = ours(received(), routed(), routed("JALAN", 2)).state
    assert (line(link), link.opd) == (["create"], "JALAN")


@pytest.mark.parametrize(
    ("complaint", "why"),
    [
        ({"channel": "112"}, "served at once"),
        ({"klasifikasi": "permintaan_informasi"}, "answered at the counter"),
        ({"channel": "carrier_pigeon"}, "no rule names channel carrier_pigeon"),
        ({"forward": False}, "its sender forbids it"),
        (
            {"lapor": LaporOrigin(tracking_id=REPORT, status="Proses", state="open")},
            "it came from LAPOR by another way",
        ),
    ],
)
def test_what_the_policy_or_the_sender_holds_back_leaves_no_text_here(
    complaint: dict[str, Any], why: str
) -> None:
    link = ours(received(**complaint), routed(), answered()).state
    assert (link.forwarding, link.why, link.content, link.writes) == ("never", why, None, ())


def test_what_came_from_lapor_is_never_created_there_again() -> None:
    origin = LaporOrigin(tracking_id=REPORT, status="Proses", state="open")
    told = theirs(received(source="lapor", reference=REPORT, channel="lapor", lapor=origin), routed())
    assert (told.state.forwarding, told.state.lapor_id, line(told.state)) == ("never", REPORT, [])
    assert kinds(told.says) == ["lapor.linked"]


def test_an_answer_goes_to_a_report_that_came_from_lapor() -> None:
    link = theirs(sighted(), accepted(), answered()).state
    assert line(link) == ["answer"]
    assert link.next_write is not None


def test_each_answer_goes_once() -> None:
    link = ours(
        received(), routed(), answered(), answered(), answered("Sekali lagi.", name="answered again")
    ).state
    assert line(link) == ["create", "answer", "answer"]


def test_what_was_done_in_lapor_is_not_written_there() -> None:
    link = theirs(sighted(), accepted()).state
    facts = (answered(by=IN_LAPOR), closed(by=IN_LAPOR), rejected(by=IN_LAPOR))
    assert line(fold(link, *facts).state) == []


def test_a_question_goes_and_mere_progress_stays_where_the_policy_has_no_words_for_it() -> None:
    question = InformationRequested(at=NOW, by=AT_LAMPS, disposition=1, opd="LAMPU", question="Di mana?")
    progress = ComplaintProgressed(at=NOW, by=AT_LAMPS, disposition=1, opd="LAMPU", text="Dikerjakan.")
    link = ours(received(), routed(), named(question, "q"), named(progress, "p")).state
    assert line(link) == ["create", "question"]


def test_a_complaint_that_is_withdrawn_before_it_left_stays() -> None:
    assert line(ours(received(), routed(), withdrawn()).state) == []
    assert ours(withdrawn(), received(), routed()).state.content is None


def test_a_complaint_that_is_withdrawn_on_its_way_is_told_there() -> None:
    begun = AttemptBegun(n=0, lease=20)
    assert line(ours(received(), routed(), begun, withdrawn()).state) == ["create", "withdrawal"]
    assert line(ours(received(), routed(), begun, *REPORTED, withdrawn()).state) == ["create", "withdrawal"]


def test_a_rejection_before_anything_was_sent_sends_nothing() -> None:
    assert line(ours(received(), routed(), rejected()).state) == []
    assert line(ours(routed(), rejected(), received()).state) == []
    assert ours(received(), rejected()).state.forwarding == "undecided"


def test_a_rejection_of_what_stands_there_keeps_its_kind_and_whom_it_refers_to() -> None:
    link = ours(received(), routed(), AttemptBegun(n=0, lease=20), *REPORTED, rejected()).state
    assert (link.writes[1].operation, link.writes[1].kind) == ("rejection", "not_ours")


def test_a_closing_is_told_unless_lapor_has_ended_it_or_the_reporter_took_it_back() -> None:
    there = ours(received(), routed(), AttemptBegun(n=0, lease=20), *REPORTED).state
    assert line(fold(there, closed()).state) == ["create", "closing"]
    assert line(fold(there, closed("withdrawn")).state) == ["create"]
    ended = sighted(submission=None, standing=standing("Ditutup oleh Sistem", state="closed"))
    assert line(fold(there, ended, closed()).state) == ["create"]


def test_the_flags_and_the_text_wait_only_until_the_report_stands() -> None:
    link = ours(received(anonymous=True, confidential=True), routed()).state
    assert link.content is not None
    assert (link.content.anonymous, link.content.confidential) == (True, True)
    assert fold(link, AttemptBegun(n=0, lease=20), *REPORTED).state.content is None


def test_the_category_that_routing_found_is_remembered() -> None:
    found = ComplaintClassified(at=NOW, by=By(kind="rule"), category="Penerangan Jalan", urgency="normal")
    assert ours(named(found, "c"), received()).state.category == "Penerangan Jalan"


def test_hearing_everything_twice_changes_nothing() -> None:
    facts = (received(), routed(), answered(), closed())
    once = ours(*facts).state
    assert fold(once, *facts).state == once
    assert once.ticket == TICKET
    both = (sighted(), accepted(), answered())
    assert fold(theirs(*both).state, *both).state == theirs(*both).state
    assert theirs(*both).state.complaint == THEIRS


def test_a_report_that_is_not_there_yet_says_what_the_complaint_says_now() -> None:
    link = ours(received(), routed(), amended(text="Dua lampu mati.", anonymous=True)).state
    assert link.content is not None
    assert (link.content.text, link.content.anonymous) == ("Dua lampu mati.", True)
    assert line(link) == ["create"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"confidential": True}, "it was made confidential before it was sent"),
        ({"forward": False}, "its sender forbids it"),
    ],
)
@pytest.mark.parametrize("before", [(received(),), (received(), routed())])
def test_what_is_made_confidential_or_withheld_before_it_was_sent_is_not_sent(
    before: tuple[Fact, ...], changes: dict[str, Any], why: str
) -> None:
    link = ours(*before, amended(**changes), routed()).state
    assert (link.forwarding, link.why, link.content, line(link)) == ("never", why, None, [])


def test_what_may_be_on_its_way_goes_as_a_secret_if_it_has_to_go_again() -> None:
    begun = ours(received(), routed(), AttemptBegun(n=0, lease=10), amended(confidential=True)).state
    assert begun.forwarding == "wanted"
    assert begun.content is not None
    assert begun.content.confidential


def test_a_report_that_stands_there_is_not_rewritten() -> None:
    link = ours(received(), routed(), AttemptBegun(n=0, lease=10), *REPORTED).state
    after = fold(link, amended(text="Lain."), merging(ComplaintMerged)).state
    assert replace(after, here=link.here) == link


@pytest.mark.parametrize("before", [(received(),), (received(), routed())])
def test_of_a_merged_complaint_no_report_is_begun_until_it_is_set_apart(before: tuple[Fact, ...]) -> None:
    merged = ours(*before, merging(ComplaintMerged), routed(), answered()).state
    assert (merged.next_write, merged.work_at) == (None, None)
    apart = fold(merged, merging(ComplaintUnmerged)).state
    assert line(apart) == ["create", "answer"]
    assert apart.work_at == NOW


def test_an_attempt_without_outcome_is_looked_up_even_where_it_was_merged_since() -> None:
    link = ours(received(), routed(), AttemptBegun(n=0, lease=10), merging(ComplaintMerged)).state
    assert link.next_write is not None
    assert fold(link, NotFoundThere(n=0, attempt=1)).state.next_write is None


def test_the_survivors_report_goes_as_before() -> None:
    link = ours(received(), routed(), merging(ComplaintMerged, "survivor")).state
    assert link.work_at == NOW
