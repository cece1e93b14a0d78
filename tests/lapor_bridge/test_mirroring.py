"""What comes from LAPOR: handed in once, told once, our own writes never."""

from datetime import timedelta
from typing import Any

import pytest

from services.lapor_bridge.domain import acts
from services.lapor_bridge.domain.link import Link, Posting, Standing
from services.lapor_bridge.domain.marking import marker_of
from services.lapor_bridge.domain.mirroring import newest, was_reassigned
from services.lapor_bridge.handlers import of_our_own
from shared.events.lapor import LaporReassigned, LaporReplied, LaporStatusChanged
from shared.events.parts import By, FieldError
from shared.events.receipts import SubmissionRefused
from tests.lapor_bridge.world import (
    HOUR,
    NOW,
    REPORT,
    THEIRS,
    accepted,
    answered,
    fold,
    kinds,
    ours,
    received,
    routed,
    sighted,
    standing,
    submission,
    theirs,
)

CLOSED = standing("Ditutup oleh Admin", state="closed", by=By(kind="lapor", name="Admin"), at=NOW - HOUR)


def refusal(field: str = "text") -> SubmissionRefused:
    return SubmissionRefused(
        source="lapor", reference=REPORT, errors=(FieldError(field=field, reason="is wrong"),)
    )


def reply(item: str = "1", kind: Any = "citizen", **changed: Any) -> acts.Reply:
    fields: dict[str, Any] = {
        "item": item,
        "by": By(kind=kind),
        "text": "Belum ada.",
        "at": NOW - HOUR,
        **changed,
    }
    return acts.Reply(**fields)


def look(**changed: Any) -> acts.ReportSighted:
    """The shared report, read again."""
    return sighted(submission=None, **{"replies": (), **changed})


def shared() -> Link:
    return theirs(sighted(), accepted()).state


def reported(*writes: acts.Delivered) -> Link:
    """A complaint of ours that stands in LAPOR, its answer too."""
    begin = (acts.AttemptBegun(n=0, lease=20), acts.Delivered(n=0, lapor_id=REPORT))
    return ours(
        received(), routed(), answered(), *begin, acts.AttemptBegun(n=1, lease=20), acts.Delivered(n=1)
    ).state


def test_a_report_that_the_hub_does_not_have_waits_for_its_receipt_and_says_nothing() -> None:
    told = theirs(sighted())
    assert told.says == []
    assert told.state.posting == Posting("waiting", submission(), next_at=NOW)
    assert told.state.forwarding == "never"


def test_seen_again_before_the_receipt_it_is_the_same_submission() -> None:
    again = sighted(standing=CLOSED, submission=submission(text="Diubah admin."))
    link = theirs(sighted(), again).state
    assert link.posting == Posting("waiting", submission(), next_at=NOW)


def test_the_receipt_links_and_what_changed_meanwhile_is_told_then() -> None:
    told = theirs(sighted(), sighted(standing=CLOSED), accepted())
    assert kinds(told.says) == ["lapor.linked", "lapor.status_changed"]
    assert told.state.posting == Posting("accepted")
    assert fold(told.state, accepted()).says == []


def test_intakes_own_word_links_as_well_as_the_receipt_does() -> None:
    told = theirs(sighted(), received(source="lapor", reference=REPORT, channel="lapor"), accepted())
    assert kinds(told.says) == ["lapor.linked"]


def test_receipts_of_others_are_not_ours_to_read() -> None:
    assert of_our_own(accepted()) == THEIRS
    assert of_our_own(accepted().model_copy(update={"source": "web"})) is None


def test_without_a_receipt_it_is_sent_again_ever_more_rarely() -> None:
    link, waits = theirs(sighted()).state, []
    for _ in range(12):
        link = fold(link, acts.SubmissionSent()).state
        assert link.posting is not None
        assert link.posting.next_at is not None
        assert link.posting.body == submission()
        waits.append((link.posting.next_at - NOW).total_seconds())
    assert (waits[0], waits[1], waits[-1]) == (60, 120, 600)


def test_what_intake_refuses_is_kept_without_its_text_and_offered_again_only_when_it_reads_otherwise() -> (
    None
):
    link = theirs(sighted(), refusal()).state
    assert link.posting is not None
    assert (link.posting.state, link.posting.body) == ("refused", None)
    assert fold(link, sighted(standing=CLOSED)).state.posting == link.posting
    changed = fold(link, sighted(submission=submission(text="Lain."))).state.posting
    assert changed is not None
    assert changed.state == "waiting"


def test_a_closing_there_is_told_once_with_who_and_when() -> None:
    told = fold(shared(), look(standing=CLOSED), look(standing=CLOSED))
    assert told.says == [
        LaporStatusChanged(
            lapor_id=REPORT, status="Ditutup oleh Admin", state="closed", by=CLOSED.by, at=NOW - HOUR
        )
    ]


def test_another_word_for_the_same_state_is_no_change() -> None:
    assert fold(shared(), look(standing=standing("Belum Ditindaklanjuti"))).says == []
    assert kinds(fold(shared(), look(standing=standing("Baru", state="unknown"))).says) == [
        "lapor.status_changed"
    ]


def test_an_instant_that_lies_in_the_future_is_now() -> None:
    late = CLOSED.model_copy(update={"at": NOW + HOUR})
    told = fold(shared(), look(standing=late, replies=(reply(at=NOW + HOUR),))).says
    assert [event.at for event in told if isinstance(event, LaporStatusChanged | LaporReplied)] == [NOW, NOW]


def test_each_reply_is_told_once_under_an_id_of_its_own() -> None:
    first = fold(shared(), look(replies=(reply("1"), reply("2", "opd"))))
    assert kinds(first.says) == ["lapor.replied", "lapor.replied"]
    assert len({event.id for event in first.says}) == 2
    assert kinds(fold(first.state, look(replies=(reply("1"), reply("2"), reply("3")))).says) == [
        "lapor.replied"
    ]
    again = fold(shared(), look(replies=(reply("1"),))).says
    assert again[0].id == first.says[0].id


def test_what_was_answered_before_the_closing_is_told_before_it() -> None:
    moved = CLOSED.model_copy(update={"institution_id": "31020", "institution": "Dinas Jalan"})
    told = fold(shared(), look(standing=moved, replies=(reply("1", "opd"),)))
    assert kinds(told.says) == ["lapor.reassigned", "lapor.replied", "lapor.status_changed"]


def test_our_own_items_coming_back_are_not_told() -> None:
    link = reported()
    mark = marker_of(answered().id)
    assert fold(link, look(replies=(reply("7", "opd", marker=mark),))).says == []
    by_number = fold(shared(), answered(), acts.Delivered(n=1, item="8")).state
    assert fold(by_number, look(replies=(reply("8", "opd"),))).says == []


def test_the_status_that_our_own_answer_brings_about_is_not_told_but_the_next_one_is() -> None:
    link = reported()
    own = fold(link, look(standing=standing("Sudah Dijawab", state="answered")))
    assert own.says == []
    waiting = standing("Menunggu Kelengkapan Informasi", state="waiting", as_of=NOW + HOUR)
    assert kinds(fold(own.state, look(standing=waiting)).says) == ["lapor.status_changed"]
    assert kinds(fold(link, look(standing=CLOSED)).says) == ["lapor.status_changed"]


def test_our_own_report_seen_where_we_sent_it_is_no_disposition() -> None:
    seen = standing("Belum Ditindaklanjuti", institution_id="31010", institution="Dinas Lampu", opd="LAMPU")
    assert fold(reported(), look(standing=seen)).says == []
    elsewhere = standing(
        institution_id="31020",
        institution="Dinas Jalan",
        opd="JALAN",
        disposed_at=NOW - HOUR,
        as_of=NOW + HOUR,
    )
    assert fold(reported(), look(standing=seen), look(standing=elsewhere)).says == [
        LaporReassigned(
            lapor_id=REPORT,
            institution_id="31020",
            institution="Dinas Jalan",
            opd="JALAN",
            at=NOW - HOUR,
        )
    ]


def at(institution_id: str | None = None, name: str | None = None, opd: str | None = None) -> Standing:
    return Standing(state="open", institution_id=institution_id, institution=name, opd=opd)


@pytest.mark.parametrize(
    ("told", "seen", "moved"),
    [
        (at(), at(), False),
        (at(), at("1", "Dinas A"), True),
        (at("1", "Dinas A"), at("1", "Dinas A yang Baru"), False),
        (at("1", "Dinas A"), at("2", "Dinas A"), True),
        (at("1", "Dinas A", "A1"), at(None, "DINAS  A", "A1"), False),
        (at("1", "Dinas A", "A1"), at(None, "Dinas B", "B1"), True),
        (at("1", "Dinas A", "A1"), at(None, "Dinas yang Baru"), False),
        (at(None, "Dinas Aneh"), at(None, "Dinas Ganjil"), False),
        (at("1", "Dinas A"), at(), False),
    ],
)
def test_a_new_name_is_no_new_institution(told: Standing, seen: Standing, moved: bool) -> None:
    assert was_reassigned(told, seen) is moved


OPEN_NOW, OPEN_OLD = standing(as_of=NOW), standing("Belum Terverifikasi", as_of=NOW - HOUR)
CLOSED_OLD = CLOSED.model_copy(update={"as_of": NOW - HOUR})
CLOSED_UNDATED = CLOSED.model_copy(update={"as_of": None})
OPEN_UNDATED = standing(as_of=None)


@pytest.mark.parametrize(
    ("known", "found", "state"),
    [
        (None, CLOSED, "closed"),
        (OPEN_OLD, CLOSED, "closed"),
        (CLOSED_OLD, OPEN_NOW, "open"),
        (CLOSED, OPEN_OLD, "closed"),
        (OPEN_NOW, CLOSED_OLD, "closed"),
        (CLOSED, OPEN_UNDATED, "closed"),
        (OPEN_NOW, CLOSED_UNDATED, "closed"),
        (CLOSED_UNDATED, OPEN_UNDATED, "closed"),
        (CLOSED_UNDATED, OPEN_NOW, "open"),
    ],
)
def test_an_older_look_never_moves_a_report_back(known: Standing | None, found: Standing, state: str) -> None:
    assert newest(known, found, NOW).state == state


def test_a_look_by_a_clock_that_was_ahead_keeps_no_later_one_out() -> None:
    by_a_wrong_clock = standing(as_of=NOW + timedelta(days=3))
    assert newest(by_a_wrong_clock, CLOSED, NOW).state == "closed"


def test_a_report_of_another_number_is_not_this_one() -> None:
    link = shared()
    assert fold(link, look(tracking_id="1", standing=CLOSED)).state is link


def test_an_unfinished_report_is_read_again_within_the_hour_and_a_finished_one_is_not() -> None:
    later = NOW + 2 * HOUR
    fresh = fold(shared(), look(updated_at=NOW), now=NOW).state
    assert (fresh.updated_at, fresh.look_at) == (None, NOW + HOUR)
    seen = standing(as_of=later)
    settled = fold(shared(), look(standing=seen, updated_at=NOW), now=later).state
    assert settled.updated_at == NOW
    assert fold(settled, acts.ReportTouched(updated_at=NOW), now=later).state is settled
    touched = fold(settled, acts.ReportTouched(updated_at=later), now=later).state
    assert touched.look_at == later
    assert fold(shared(), look(standing=CLOSED)).state.look_at is None


def test_a_listing_that_comes_after_the_receipt_does_not_hide_what_was_not_read_yet() -> None:
    link = fold(shared(), sighted(updated_at=NOW - HOUR)).state
    assert (link.updated_at, link.look_at) == (None, NOW)


def test_a_report_that_cannot_be_read_is_left_for_a_while() -> None:
    link = fold(shared(), acts.ReportUnreadable(retry_after=60)).state
    assert link.look_at == NOW + timedelta(seconds=60)
