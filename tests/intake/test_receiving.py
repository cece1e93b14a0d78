"""Receiving: what becomes of a submission, and of one that came before."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import files
from services.intake.domain.channels import CHANNELS
from services.intake.domain.complaint import Complaint, Unfetched
from services.intake.domain.receiving import first_words, on_submission_posted
from shared.decision import Decision
from shared.events.ids import complaint_id
from shared.events.intake import ComplaintReceived
from shared.events.parts import Place, Reporter
from shared.events.receipts import SubmissionAccepted, SubmissionRefused
from shared.events.submissions import SubmissionPosted
from tests.intake.pictures import photo
from tests.intake.world import KEYS, NIK, NOW, blank, from_lapor, kept, received, submission

IDENTITY = Reporter(
    name="Warga Contoh 17",
    phone="0800-000-1234",
    email="warga17@contoh.invalid",
    nik=NIK,
    address="Jl. Contoh 1",
)


def post(complaint: Complaint, posted: SubmissionPosted, now: datetime = NOW) -> Decision[Complaint]:
    return on_submission_posted(complaint, posted, KEYS, now)


def heard(posted: SubmissionPosted) -> ComplaintReceived:
    """What the hub hears of a submission that is taken in."""
    event = post(blank(posted), posted).says[0]
    assert isinstance(event, ComplaintReceived)
    return event


def errors_of(posted: SubmissionPosted, now: datetime = NOW) -> dict[str, str]:
    """The refusal of a submission, reasons by field; nothing was kept."""
    decision = post(blank(posted), posted, now)
    (receipt,) = decision.says
    assert isinstance(receipt, SubmissionRefused)
    assert not decision.state.is_known
    return {error.field: error.reason for error in receipt.errors}


def test_a_submission_becomes_a_complaint_and_its_sender_gets_the_ticket() -> None:
    posted = submission()
    decision = post(blank(posted), posted)
    taken, receipt = decision.says
    assert isinstance(taken, ComplaintReceived)
    assert isinstance(receipt, SubmissionAccepted)
    assert taken.ticket == receipt.ticket == decision.state.ticket
    assert receipt.complaint_id == complaint_id("sikesal", "A-1") == decision.state.id
    assert not receipt.repeated
    assert taken.at == taken.received_at == NOW
    assert decision.state.status == "received"
    assert [step.code for step in decision.state.fresh] == ["received"]


def test_the_same_content_again_gets_the_same_ticket_and_is_called_a_repeat() -> None:
    complaint = kept(received())
    decision = post(complaint, submission("second record"), NOW + timedelta(days=400))
    (receipt,) = decision.says
    assert isinstance(receipt, SubmissionAccepted)
    assert receipt.repeated
    assert receipt.ticket == complaint.ticket
    assert decision.state is complaint


def test_the_same_record_delivered_again_says_nothing() -> None:
    complaint = kept(received())
    decision = post(complaint, submission())
    assert decision == Decision(complaint)


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "Sudah menyala lagi."},
        {"channel": "web"},
        {"reported_at": NOW - timedelta(minutes=4)},
        {"anonymous": True},
        {"reporter": IDENTITY},
        {"place": Place(lat=-1.6, lon=103.6)},
        {"forward": False},
        {
            "attachments": [
                {"name": "a.jpg", "media_type": "image/jpeg", "url": "https://contoh.invalid/a.jpg"}
            ]
        },
    ],
)
def test_the_same_reference_with_other_content_is_refused_as_a_conflict(changed: dict[str, Any]) -> None:
    complaint = kept(received())
    decision = post(complaint, submission("other", **changed))
    (receipt,) = decision.says
    assert isinstance(receipt, SubmissionRefused)
    assert [error.field for error in receipt.errors] == ["reference"]
    assert decision.state is complaint


def test_a_lapor_report_seen_again_with_another_status_is_a_repeat() -> None:
    first = from_lapor()
    complaint = kept(post(blank(first), first).state)
    later = {"tracking_id": "7000001", "status": "Ditutup oleh Sistem", "state": "closed"}
    (receipt,) = post(complaint, from_lapor("later", lapor=later)).says
    assert isinstance(receipt, SubmissionAccepted)
    assert receipt.repeated


def test_absent_fields_and_empty_lists_say_the_same() -> None:
    complaint = kept(received())
    (receipt,) = post(complaint, submission("again", attachments=[], title=None)).says
    assert isinstance(receipt, SubmissionAccepted)


def test_two_zones_of_one_instant_say_the_same() -> None:
    complaint = kept(received(reported_at="2026-11-24T02:00:00Z"))
    (receipt,) = post(complaint, submission("again", reported_at="2026-11-24T09:00:00+07:00")).says
    assert isinstance(receipt, SubmissionAccepted)


def test_identifiers_leave_the_text_and_identity_stays_sealed() -> None:
    posted = submission(
        title=f"KTP {NIK}",
        text=f"Saya {NIK}, hp 08000001234, lampu mati",
        place=Place(text="Jl. Contoh, hubungi 0800-000-1234", kelurahan="15.71.01.1001"),
        category="Lampu warga17@contoh.invalid",
        reporter=IDENTITY,
        conversation="wa:62800",
    )
    decision = post(blank(posted), posted)
    event = decision.says[0]
    assert isinstance(event, ComplaintReceived)
    assert (event.title, event.text) == ("KTP [NIK]", "Saya [NIK], hp [telepon], lampu mati")
    assert event.place == Place(text="Jl. Contoh, hubungi [telepon]", kelurahan="15.71.01.1001")
    assert event.category_hint == "Lampu [surel]"
    told = event.write().decode()
    for secret in (
        "Warga Contoh",
        "08000001234",
        "0800-000-1234",
        NIK,
        "contoh.invalid",
        "Jl. Contoh 1",
        "wa:62800",
    ):
        assert secret not in told
    assert decision.state.newcomer is not None
    identity = decision.state.newcomer.identity
    assert identity.text == posted.text
    assert identity.title == posted.title
    assert identity.reporter == IDENTITY
    assert identity.conversation == "wa:62800"


def test_the_text_before_an_edit_in_lapor_is_masked_too() -> None:
    lapor = {"tracking_id": "7000001", "status": "x", "state": "open", "text_before_edit": f"nik {NIK}"}
    event = heard(from_lapor(lapor=lapor))
    assert event.lapor is not None
    assert event.lapor.text_before_edit == "nik [NIK]"


def test_one_contact_has_one_pseudonym_however_its_number_is_written() -> None:
    numbers = ["0800-000-1234", "+62 800 000 1234", "628000001234", "8000001234", "+62 (0)800 000 1234"]
    assert len({heard(submission(reporter=Reporter(phone=number))).reporter for number in numbers}) == 1


def test_the_phone_names_a_reporter_before_the_mail_and_the_mail_before_the_nik() -> None:
    whole = heard(submission(reporter=IDENTITY)).reporter
    assert whole == heard(submission(reporter=Reporter(phone=IDENTITY.phone))).reporter
    by_mail = heard(submission(reporter=Reporter(email="Warga17@Contoh.invalid ", nik=NIK))).reporter
    assert by_mail == heard(submission(reporter=Reporter(email=IDENTITY.email))).reporter
    assert by_mail != heard(submission(reporter=Reporter(nik=NIK))).reporter


@pytest.mark.parametrize(
    "changes", [{"anonymous": True, "reporter": IDENTITY}, {"reporter": Reporter(name="Warga Contoh 3")}, {}]
)
def test_who_is_anonymous_or_left_no_contact_has_a_pseudonym_per_complaint(changes: dict[str, Any]) -> None:
    one = heard(submission(reference="A-1", **changes)).reporter
    assert one != heard(submission(reference="A-2", **changes)).reporter


def test_a_complaint_without_a_title_gets_its_first_words() -> None:
    assert heard(submission(text="Lampu mati.")).title == "Lampu mati."
    assert heard(submission(text="Lampu mati.", title="  ")).title == "Lampu mati."
    long = heard(submission(text="jalan rusak parah " * 50)).title
    assert len(long) <= 81
    assert long.endswith("…")


@given(st.text(min_size=1, max_size=400))
def test_first_words_are_short_and_on_one_line(text: str) -> None:
    title = first_words(text)
    assert len(title) <= 81
    assert "\n" not in title


@pytest.mark.parametrize(("said", "told"), [(None, True), (True, True), (False, False)])
def test_only_an_explicit_no_forbids_sending_on_to_lapor(said: bool | None, told: bool) -> None:
    assert heard(submission(forward=said)).forward is told


def test_an_inline_file_is_kept_and_named_by_an_id_that_nobody_guesses() -> None:
    content = photo(orientation=6)
    clean = files.clean(content).content
    posted = submission(
        attachments=[
            {"name": f"{NIK}.jpg", "media_type": "text/html", "inline": base64.b64encode(content).decode()},
            {"name": "b.jpg", "media_type": "image/jpeg", "url": "https://contoh.invalid/b.jpg"},
        ]
    )
    decision = post(blank(posted), posted)
    event = decision.says[0]
    assert isinstance(event, ComplaintReceived)
    (attachment,) = event.attachments
    assert attachment.name == "[NIK].jpg"
    assert (attachment.size, attachment.sha256) == (len(clean), hashlib.sha256(clean).hexdigest())
    assert attachment.media_type == "image/jpeg"
    kept, address = decision.state.fresh_files
    assert (kept.id, kept.content, kept.url, kept.media_type) == (attachment.id, clean, None, "image/jpeg")
    assert (address.content, address.url) == (None, "https://contoh.invalid/b.jpg")
    assert len(attachment.id) == 32
    assert decision.state.unfetched == (Unfetched(id=address.id, name="b.jpg"),)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"channel": "carrier_pigeon"}, "channel"),
        ({"channel": "lapor"}, "channel"),
        ({"reported_at": NOW + timedelta(minutes=6)}, "reported_at"),
        ({"reported_at": datetime(1999, 12, 31, tzinfo=UTC)}, "reported_at"),
        ({"text": " \n "}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"reporter": Reporter(name="a\x00b")}, "reporter.name"),
        ({"place": Place(text="\x00")}, "place.text"),
        (
            {"attachments": [{"name": "a\x00", "media_type": "image/png", "url": "https://contoh.invalid"}]},
            "attachments.0.name",
        ),
        (
            {"attachments": [{"name": "a", "media_type": "image/png", "inline": "not base64!"}]},
            "attachments.0.inline",
        ),
        (
            {
                "attachments": [
                    {
                        "name": "a",
                        "media_type": "image/png",
                        "inline": base64.b64encode(b"x" * 1_048_578).decode(),
                    }
                ]
            },
            "attachments.0.inline",
        ),
        (
            {
                "attachments": [
                    {"name": "a", "media_type": "image/png", "url": "https://contoh.invalid"},
                    {
                        "name": "a.png",
                        "media_type": "image/png",
                        "inline": base64.b64encode(b"<svg onload='x()'/>").decode(),
                    },
                ]
            },
            "attachments.1.inline",
        ),
        ({"lapor": {"tracking_id": "7", "status": "x", "state": "open"}}, "lapor"),
    ],
)
def test_what_is_wrong_is_refused_by_field_and_nothing_is_kept(changes: dict[str, Any], field: str) -> None:
    assert field in errors_of(submission(**changes))


def test_every_fault_is_told_at_once() -> None:
    assert set(errors_of(submission(channel="smoke", text=" ", reported_at=NOW + timedelta(days=1)))) == {
        "channel",
        "text",
        "reported_at",
    }


def test_a_refusal_quotes_nothing_that_was_sent() -> None:
    reasons = errors_of(submission(channel="rahasia_saya", text="a\x00 nama ibu kandung"))
    assert not any("rahasia" in reason or "kandung" in reason for reason in reasons.values())


def test_a_publishers_clock_may_run_a_little_ahead() -> None:
    posted = submission(reported_at=NOW + timedelta(minutes=4))
    assert post(blank(posted), posted).state.is_known


def test_the_bridge_names_its_reports_by_tracking_id_and_says_how_they_stood() -> None:
    assert "lapor" in errors_of(from_lapor(lapor=None))
    assert "reference" in errors_of(from_lapor(reference="other"))
    posted = from_lapor()
    assert post(blank(posted), posted).state.is_known


@pytest.mark.parametrize("channel", [name for name, rule in CHANNELS.items() if rule.only_from is None])
def test_every_channel_of_the_table_is_open_to_publishers(channel: str) -> None:
    extras: dict[str, Any] = {
        "taken_by": "Loket 3",
        "letter": {"dated_on": "2026-11-20"},
        "publication": {"link": "https://media.contoh.invalid/1", "published_on": "2026-11-24"},
    }
    said: dict[str, Any] = {field: extras[field] for field in CHANNELS[channel].needs}
    posted = submission(channel=channel, **said)
    assert post(blank(posted), posted).state.is_known


@given(
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1),
    title=st.none() | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300),
)
def test_whatever_the_text_a_submission_is_accepted_or_refused_and_never_an_error(
    text: str, title: str | None
) -> None:
    posted = submission(text=text, title=title)
    says = post(blank(posted), posted).says
    assert isinstance(says[-1], SubmissionAccepted | SubmissionRefused)


def test_the_longest_text_stays_within_the_contract_when_its_masks_are_longer() -> None:
    posted = submission(text="a@b.id " * 1428, title="a@b.id " * 42, place=Place(text="a@b.id " * 71))
    assert post(blank(posted), posted).state.is_known
