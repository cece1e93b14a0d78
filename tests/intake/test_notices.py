"""Notices: what a reporter is told, once each, and never a word that the flags forbid."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.acts import Amend, Merge
from services.intake.domain.citizen import amend
from services.intake.domain.complaint import Addressee, Complaint
from services.intake.domain.following import on_later_fact
from services.intake.domain.merging import merge
from services.intake.domain.notices import FOLLOWED, LONGEST_QUOTE, NOTICES, telling
from services.intake.domain.receiving import on_submission_posted
from shared.events.fact import Event
from shared.events.notices import NoticeRequested
from shared.events.parts import By, ComplaintRef
from shared.events.routing import (
    ComplaintAccepted,
    ComplaintAnswered,
    ComplaintClosed,
    ComplaintHandedBack,
    ComplaintProgressed,
    ComplaintRejected,
    InformationRequested,
)
from tests.intake.world import BY_OPD, CITY, KEYS, NOW, blank, fact_id, from_lapor, kept, routed, submission

TALK = "wa-7f3a90"
TITLE = "Lampu padam"
TEXT = "Lampu jalan mati sejak seminggu di depan pasar, warga takut lewat."
PUPR = CITY.opd("PUPR")
VERIFIER = By(kind="person", name="verifikator")

take_in = telling(on_submission_posted)
follow = telling(on_later_fact)


def asked(question: str) -> Event:
    return InformationRequested(at=NOW, by=BY_OPD, disposition=1, opd="PUPR", question=question).known_as(
        fact_id("asked")
    )


def answered(text: str | None, name: str = "answered", opd: str = "PUPR") -> Event:
    return ComplaintAnswered(at=NOW, by=BY_OPD, disposition=1, opd=opd, text=text).known_as(fact_id(name))


def rejected(reason: str, refer_to: str | None = "PLN") -> Event:
    return ComplaintRejected(at=NOW, by=VERIFIER, kind="not_ours", reason=reason, refer_to=refer_to).known_as(
        fact_id("rejected")
    )


def closed(kind: Any) -> Event:
    return ComplaintClosed(at=NOW, by=By(kind="system"), kind=kind, reason="silence lapsed").known_as(
        fact_id(f"closed {kind}")
    )


def life(*facts: Event, **told: Any) -> list[NoticeRequested]:
    """A complaint comes in from a conversation, these things befall it; what its reporter is told."""
    posted = submission(**{"conversation": TALK, "channel": "whatsapp", "title": TITLE, "text": TEXT} | told)
    decision = take_in(blank(posted), posted, KEYS, NOW)
    said = list(decision.says)
    for fact in facts:
        decision = follow(kept(decision.state), fact, KEYS, NOW)
        said += decision.says
    return notices_of(said)


def notices_of(said: Sequence[Event]) -> list[NoticeRequested]:
    return [event for event in said if isinstance(event, NoticeRequested)]


def written(notices: Sequence[NoticeRequested]) -> list[bytes]:
    return [notice.write() for notice in notices]


def before_link(notice: NoticeRequested) -> str:
    """The message without the address at which the ticket is followed, which ends every one."""
    text, link, ticket = notice.text.partition("Perkembangan pengaduan: https://pengaduan.contoh.invalid")
    assert link
    assert ticket == f"/v1/complaints/{notice.ticket}"
    return text.strip()


def test_a_reporter_is_told_at_each_turn_in_these_words() -> None:
    notices = life(
        routed(),
        asked("Di RT berapa?"),
        answered("Lampu sudah diganti."),
        rejected("Jaringan listrik milik PLN."),
        closed("closed"),
    )
    assert [(notice.template, before_link(notice)) for notice in notices] == [
        ("received", "Pengaduan Anda telah kami terima dengan nomor RKJV1-9KGDV-1."),
        ("routed", f"Pengaduan RKJV1-9KGDV-1 telah diteruskan ke {PUPR}."),
        (
            "asked",
            f"{PUPR} memerlukan keterangan dari Anda tentang pengaduan RKJV1-9KGDV-1:\n\nDi RT berapa?\n\n"
            "Silakan jawab melalui kanal ini.",
        ),
        (
            "answered",
            f"Pengaduan RKJV1-9KGDV-1 telah dijawab oleh {PUPR}:\n\nLampu sudah diganti.\n\n"
            "Jika masalahnya belum selesai, sampaikan melalui kanal ini.",
        ),
        (
            "rejected",
            "Pengaduan RKJV1-9KGDV-1 tidak dapat ditangani pemerintah kota:\n\nJaringan listrik milik PLN.\n\n"
            "Silakan sampaikan kepada: PLN.",
        ),
        ("closed", "Pengaduan RKJV1-9KGDV-1 telah ditutup. Terima kasih atas laporan Anda."),
    ]


def test_a_confidential_complaint_is_told_of_in_these_words() -> None:
    notices = life(
        routed(),
        asked("Di RT berapa?"),
        answered("Lampu sudah diganti."),
        rejected("Jaringan listrik milik PLN."),
        closed("closed"),
        confidential=True,
    )
    assert [(notice.template, before_link(notice)) for notice in notices] == [
        ("received", "Pengaduan Anda telah kami terima dengan nomor RKJV1-9KGDV-1."),
        ("routed", "Pengaduan RKJV1-9KGDV-1 telah diteruskan ke instansi yang berwenang."),
        (
            "asked",
            "Kami memerlukan keterangan dari Anda tentang pengaduan RKJV1-9KGDV-1.\n\n"
            "Silakan hubungi petugas dengan menyebutkan nomor pengaduan.",
        ),
        (
            "answered",
            "Pengaduan RKJV1-9KGDV-1 telah dijawab.\n\n"
            "Jika masalahnya belum selesai, sampaikan melalui kanal ini.",
        ),
        ("rejected", "Pengaduan RKJV1-9KGDV-1 ditolak."),
        ("closed", "Pengaduan RKJV1-9KGDV-1 telah ditutup. Terima kasih atas laporan Anda."),
    ]


@pytest.mark.parametrize(
    ("kind", "template"),
    [("closed", "closed"), ("archived", "archived"), ("withdrawn", "withdrawn"), ("blocked", "blocked")],
)
def test_every_way_to_an_end_is_told(kind: str, template: str) -> None:
    assert [notice.template for notice in life(closed(kind))] == ["received", template]


def test_that_a_confidential_complaint_was_blocked_for_what_it_says_is_told_as_a_closing() -> None:
    (_, blocked), (_, plain) = (
        life(closed("blocked"), confidential=True),
        life(closed("closed"), confidential=True),
    )
    assert (blocked.template, blocked.text) == (plain.template, plain.text)


def test_a_notice_goes_to_the_channels_own_conversation_and_is_keyed_by_it() -> None:
    (notice,) = life()
    assert (notice.channel, notice.conversation, notice.language) == ("whatsapp", TALK, "id")
    assert notice.record_key(None) == TALK


def test_where_the_channel_named_no_conversation_nobody_is_told() -> None:
    assert life(routed(), answered("Sudah."), conversation=None) == []


def test_who_reported_in_lapor_is_told_by_lapor() -> None:
    posted = from_lapor(conversation=TALK)
    decision = take_in(blank(posted), posted, KEYS, NOW)
    assert notices_of(decision.says) == []
    assert notices_of(follow(kept(decision.state), routed(), KEYS, NOW).says) == []


def test_a_second_answer_is_a_new_occasion_and_the_same_submission_again_is_none() -> None:
    first, second = life(answered("Sudah."), answered("Kini sungguh.", "again"))[1:]
    assert first.id != second.id
    posted = submission(conversation=TALK)
    taken = kept(take_in(blank(posted), posted, KEYS, NOW).state)
    for again in (posted, submission("second record", conversation=TALK)):
        assert notices_of(take_in(taken, again, KEYS, NOW).says) == []


def test_the_same_step_is_told_under_the_same_id_whenever_it_is_folded() -> None:
    one, other = life(answered("Sudah."))[-1], life(routed(), answered("Sudah."))[-1]
    assert one.id == other.id


def test_what_befell_it_before_it_was_in_is_told_too_and_after_the_receiving() -> None:
    posted = submission(conversation=TALK)
    early = follow(blank(posted), routed(), KEYS, NOW)
    assert notices_of(early.says) == []
    assert [n.template for n in notices_of(take_in(early.state, posted, KEYS, NOW).says)] == [
        "received",
        "routed",
    ]


def test_two_steps_within_one_batch_are_each_told_once() -> None:
    posted = submission(conversation=TALK)
    taken = take_in(blank(posted), posted, KEYS, NOW).state  # not saved yet: its steps are still fresh
    assert [n.template for n in notices_of(follow(taken, routed(), KEYS, NOW).says)] == ["routed"]


@pytest.mark.parametrize("kind", [ComplaintAccepted, ComplaintProgressed])
def test_work_under_way_is_read_on_the_page_and_not_told(kind: Any) -> None:
    fact = kind(at=NOW, by=BY_OPD, disposition=1, opd="PUPR", text="Mulai.").known_as(fact_id("work"))
    back = ComplaintHandedBack(at=NOW, by=BY_OPD, disposition=1, opd="PUPR", reason="bukan kami")
    assert [n.template for n in life(fact, back.known_as(fact_id("back")))] == ["received"]


def test_an_agency_that_the_registry_does_not_know_is_told_by_its_code() -> None:
    assert "diteruskan ke BARU." in life(routed("BARU"))[-1].text


def test_without_a_public_address_a_message_names_the_ticket_alone() -> None:
    posted = submission(conversation=TALK)
    decision = take_in(blank(posted), posted, replace(KEYS, follow_at=None), NOW)
    (notice,) = notices_of(decision.says)
    assert "http" not in notice.text
    assert notice.text.endswith("Simpan nomor ini untuk mengikuti perkembangannya.")


def test_a_long_answer_is_cut_at_a_word_and_the_page_has_the_rest() -> None:
    told = life(answered("kata " * 2_000))[-1].text
    assert len(told) < LONGEST_QUOTE + 400
    assert "kata …\n\n" in told


def test_what_an_official_quotes_of_a_telephone_number_is_masked() -> None:
    told = life(answered("Kami sudah menelepon 0800-000-1234."))[-1].text
    assert "0800" not in told
    assert "[telepon]" in told


words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=40)


@given(words, words, words, words, words)
def test_what_a_confidential_complaint_is_told_does_not_depend_on_anything_that_was_written(
    title: str, text: str, question: str, answer: str, reason: str
) -> None:
    """The strongest form of "not a word of it": any other words would have given the very same messages."""

    def told(
        *, title: str, text: str, question: str, answer: str, reason: str, opd: str
    ) -> list[NoticeRequested]:
        facts = (
            routed(opd),
            asked(question),
            answered(answer, opd=opd),
            rejected(reason, opd),
            closed("closed"),
        )
        return life(*facts, confidential=True, title=title, text=text)

    any_words = told(title=title, text=text, question=question, answer=answer, reason=reason, opd="BARU")
    others = told(title=TITLE, text=TEXT, question="?", answer="!", reason="…", opd="PUPR")
    assert written(any_words) == written(others)
    assert len(any_words) == 6


@given(words, words)
def test_of_the_citizens_own_words_nobody_is_told_whatever_the_flags(title: str, text: str) -> None:
    facts = (routed(), asked("Di RT berapa?"), answered("Sudah."), closed("closed"))
    assert written(life(*facts, title=title, text=text)) == written(life(*facts))


def test_whose_complaint_is_merged_into_another_is_told_so() -> None:
    posted = submission(conversation=TALK)
    taken = kept(take_in(blank(posted), posted, KEYS, NOW).state)
    act = Merge(into=ComplaintRef(complaint_id=fact_id("other"), ticket="ZZT868MPA2Y"))
    act = act.done_by(VERIFIER).known_as(fact_id("merge"))
    (notice,) = notices_of(telling(merge)(taken, act, KEYS, NOW).says)
    assert notice.template == "merged"
    assert "ZZT868MPA2Y" not in notice.text


def survivor(*, confidential: bool = False, follower_confidential: bool = False) -> Complaint:
    """A complaint of one conversation that goes on for another's, too."""
    posted = submission(conversation=TALK, confidential=confidential)
    merged = ComplaintRef(complaint_id=fact_id("merged"), ticket="ZZT868MPA2Y")
    other = Addressee(
        merged.complaint_id, merged.ticket, "app", "app-17", follower_confidential, follows=True
    )
    return replace(
        kept(take_in(blank(posted), posted, KEYS, NOW).state), absorbed=(merged,), followers=(other,)
    )


def test_whose_complaint_was_merged_is_told_what_became_of_the_other_under_their_own_ticket() -> None:
    own, others = notices_of(follow(survivor(), answered("Lampu sudah diganti."), KEYS, NOW).says)
    assert (own.conversation, others.conversation, others.channel) == (TALK, "app-17", "app")
    assert (own.about, others.about) == (survivor().id, fact_id("merged"))
    assert own.id != others.id
    assert before_link(others) == (
        f"Pengaduan ZZT86-8MPA2-Y, yang digabungkan dengan pengaduan lain, telah dijawab oleh {PUPR}:\n\n"
        "Lampu sudah diganti.\n\nJika masalahnya belum selesai, silakan sampaikan pengaduan baru."
    )
    told = [
        notice.template
        for fact in (rejected("Milik PLN."), closed("closed"), closed("archived"), closed("blocked"))
        for notice in notices_of(follow(survivor(), fact, KEYS, NOW).says)
        if notice.ticket == "ZZT868MPA2Y"
    ]
    assert told == ["rejected", "closed", "closed", "closed"]


def test_what_is_asked_of_one_reporter_is_not_asked_of_those_who_were_merged() -> None:
    for fact in (asked("Di RT berapa?"), routed()):
        (own,) = notices_of(follow(survivor(), fact, KEYS, NOW).says)
        assert own.conversation == TALK


@pytest.mark.parametrize("whose", ["confidential", "follower_confidential"])
def test_either_flag_binds_what_those_who_were_merged_are_told(whose: str) -> None:
    said = follow(survivor(**{whose: True}), answered("Lampu sudah diganti."), KEYS, NOW).says
    (others,) = [notice for notice in notices_of(said) if notice.ticket == "ZZT868MPA2Y"]
    assert "diganti" not in others.text
    assert PUPR not in others.text
    assert "digabungkan" not in others.text


def test_who_was_set_apart_again_or_whose_other_is_erased_is_told_nothing_of_it() -> None:
    for state in (
        replace(survivor(), absorbed=()),
        replace(survivor(), erased="identity", conversation=None),
    ):
        said = notices_of(follow(state, answered("Sudah."), KEYS, NOW).says)
        assert [notice for notice in said if notice.ticket == "ZZT868MPA2Y"] == []


def test_every_template_can_be_written_for_every_step_it_stands_for() -> None:
    for code, template in [*NOTICES.items(), *FOLLOWED.items()]:
        for words_ in (template.words, template.discreet):
            assert "{" not in words_.format(ticket="T", opd="O"), code
        assert "{opd}" not in template.discreet, code


def test_a_flag_that_is_set_later_binds_what_is_told_after_it() -> None:
    posted = submission(conversation=TALK)
    taken: Complaint = kept(take_in(blank(posted), posted, KEYS, NOW).state)
    act = Amend(confidential=True).done_by(By(kind="citizen")).known_as(fact_id("amended"))
    secret = amend(taken, act, KEYS, NOW).state
    (notice,) = notices_of(follow(secret, answered("Sudah."), KEYS, NOW).says)
    assert "Sudah" not in notice.text
