"""Receiving: what a submission must hold, what becomes of it, and what is said of one that came before."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from pydantic import BaseModel

from services.intake.domain import attaching, following, keyed
from services.intake.domain.channels import CHANNELS, LAPOR, problems_of_channel
from services.intake.domain.complaint import (
    Candidacy,
    Complaint,
    Content,
    File,
    Identity,
    Newcomer,
    Unfetched,
)
from services.intake.domain.days import JAKARTA, day_of
from services.intake.domain.files import Clean
from services.intake.domain.keyed import Subkeys
from services.intake.domain.means import Means
from services.intake.domain.timeline import Step
from shared.addresses import is_address
from shared.decision import Decision
from shared.events.fact import Event
from shared.events.ids import complaint_id
from shared.events.intake import ComplaintReceived
from shared.events.parts import Attachment, FieldError, LaporOrigin, Place
from shared.events.receipts import SubmissionAccepted, SubmissionRefused
from shared.events.submissions import SubmissionPosted
from shared.masking import masked

SKEW = timedelta(minutes=5)
"""How far a publisher's clock may run ahead of ours."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing was reported electronically before; an older instant is a broken clock."""

USED_BEFORE = FieldError(
    field="reference",
    reason="this source has used this reference before, for a submission that says something else",
)

_TITLE_WORDS = 80
"""Characters of a title that is made of the text's first words."""


def on_submission_posted(
    complaint: Complaint, submission: SubmissionPosted, keys: Means, now: datetime
) -> Decision[Complaint]:
    """Take it in once. A true repeat gets the same ticket again; the same name for something else is refused.

    The same record delivered again says nothing: its receipt is on its way.
    """
    fingerprint = keyed.fingerprint(submission, keys.fingerprints)
    if not complaint.is_known:
        errors = list(problems(submission, now))
        return (
            Decision(complaint, [_refused(submission, errors)])
            if errors
            else _taken_in(complaint, submission, fingerprint, keys, now)
        )
    if complaint.submission == submission.id:
        return Decision(complaint)
    if complaint.fingerprint == fingerprint:
        return Decision(complaint, [_accepted(complaint, submission, repeated=True)])
    return Decision(complaint, [_refused(submission, [USED_BEFORE])])


def submission_key(submission: SubmissionPosted) -> UUID:
    """The complaint that a submission is: the same by HTTP and by Kafka."""
    return complaint_id(submission.source, submission.reference)


def refusal(source: str, reference: str, errors: Sequence[FieldError]) -> SubmissionRefused:
    """The receipt for a record that could not even be read as a submission."""
    return SubmissionRefused(source=source, reference=reference, errors=tuple(errors))


def problems(submission: SubmissionPosted, now: datetime) -> Iterator[FieldError]:
    """What is wrong with a submission beyond its shape, by field; values are not quoted."""
    for field in _fields_with_nul(submission):
        yield FieldError(field=field, reason="may not contain the character U+0000")
    if not submission.text.strip():
        yield FieldError(field="text", reason="is blank")
    if submission.conversation is not None and is_address(submission.conversation):
        yield FieldError(field="conversation", reason="is the channel's own reference, never an address")
    yield from _problems_of_time(submission.reported_at, now)
    yield from problems_of_channel(submission)
    yield from _problems_of_days(submission, now)
    yield from _problems_of_lapor(submission)
    for position, look in enumerate(attaching.looks(submission)):
        if isinstance(look, str):
            yield FieldError(field=f"attachments.{position}.inline", reason=look)


def _problems_of_time(reported_at: datetime, now: datetime) -> Iterator[FieldError]:
    if reported_at > now + SKEW:
        yield FieldError(field="reported_at", reason="is in the future")
    if reported_at < EARLIEST:
        yield FieldError(field="reported_at", reason="is before the year 2000")


def _problems_of_days(submission: SubmissionPosted, now: datetime) -> Iterator[FieldError]:
    told: dict[str, date] = {}
    if submission.letter is not None:
        told["letter.dated_on"] = submission.letter.dated_on
    if submission.publication is not None:
        told["publication.published_on"] = submission.publication.published_on
    for field, day in told.items():
        if day > day_of(now):
            yield FieldError(field=field, reason="is in the future")
        if day < EARLIEST.date():
            yield FieldError(field=field, reason="is before the year 2000")


def _problems_of_lapor(submission: SubmissionPosted) -> Iterator[FieldError]:
    if submission.source != LAPOR:
        if submission.lapor is not None:
            yield FieldError(field="lapor", reason=f"is for submissions of the source {LAPOR} alone")
    elif submission.lapor is None:
        yield FieldError(field="lapor", reason=f"is missing, and the source {LAPOR} must say it")
    elif submission.lapor.tracking_id != submission.reference:
        yield FieldError(field="reference", reason="must be the tracking id of the report")


def _fields_with_nul(part: BaseModel, path: str = "") -> Iterator[str]:
    for name, value in part:
        yield from _nul_in(value, f"{path}{name}")


def _nul_in(value: object, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if "\x00" in value:
            yield path
    elif isinstance(value, BaseModel):
        yield from _fields_with_nul(value, f"{path}.")
    elif isinstance(value, tuple):
        for position, item in enumerate(value):
            yield from _nul_in(item, f"{path}.{position}")


def _taken_in(
    complaint: Complaint, submission: SubmissionPosted, fingerprint: bytes, keys: Means, now: datetime
) -> Decision[Complaint]:
    files, attachments, unfetched = _files(complaint, submission, keys)
    received = _received(complaint, submission, attachments, keys, now)
    taken = replace(
        complaint,
        submission=submission.id,
        fingerprint=fingerprint,
        attachments=attachments,
        unfetched=unfetched,
        fresh_files=files,
        files_listed=not unfetched,
        early=(),
        channel=submission.channel,
        # who reported in LAPOR is told by LAPOR
        conversation=None if submission.source == LAPOR else submission.conversation,
        content=Content.model_validate(received, from_attributes=True),
        newcomer=Newcomer(
            received,
            fingerprint,
            keyed.tracking_secret(complaint.id, submission.id, keys.secrets),
            _identity(submission),
        ),
    )
    accepted = _accepted(complaint, submission, repeated=False)
    if CHANNELS[submission.channel].candidate and submission.publication is not None:
        mark = keyed.link_mark(submission.publication.link, keys.fingerprints)
        waiting = replace(taken, candidacy=Candidacy(mark, now, received=received))
        return Decision(waiting.with_step(Step("candidate", now, submission.id)), [accepted])
    taken = taken.with_step(Step("received", now, submission.id))
    says: list[Event] = [received, accepted]
    for fact in complaint.early:
        decision = following.on_later_fact(taken, fact, keys, now)
        taken = decision.state
        says += decision.says
    return Decision(taken, says)


def _received(
    complaint: Complaint,
    submission: SubmissionPosted,
    attachments: tuple[Attachment, ...],
    keys: Subkeys,
    now: datetime,
) -> ComplaintReceived:
    """What the hub may know of it: the text masked, a pseudonym for the reporter."""
    text = masked(submission.text, 10_000)
    title = masked(submission.title.strip(), 300) if submission.title else ""
    return ComplaintReceived(
        at=now,
        ticket=complaint.ticket,
        source=submission.source,
        reference=submission.reference,
        channel=submission.channel,
        reported_at=_reported_at(submission),
        received_at=now,
        title=title or first_words(text),
        text=text,
        place=masked_place(submission.place),
        category_hint=masked(submission.category, 200) if submission.category else None,
        klasifikasi=submission.klasifikasi,
        anonymous=submission.anonymous,
        confidential=submission.confidential,
        forward=submission.forward is not False,
        reporter=keyed.pseudonym(
            submission.reporter,
            anonymous=submission.anonymous,
            complaint_id=complaint.id,
            key=keys.pseudonyms,
        ),
        attachments=attachments,
        lapor=_masked_origin(submission.lapor),
    )


def first_words(text: str) -> str:
    """A title for a complaint that has none: its first words, at most 80 characters."""
    words = " ".join(text[: 4 * _TITLE_WORDS].split())
    if len(words) <= _TITLE_WORDS:
        return words
    kept = words[:_TITLE_WORDS].rsplit(" ", 1)[0]
    return f"{kept}…"


def masked_place(place: Place | None) -> Place | None:
    """The place as the hub may know it."""
    if place is None or not place.text:
        return place
    return place.model_copy(update={"text": masked(place.text, 500)})


def _masked_origin(lapor: LaporOrigin | None) -> LaporOrigin | None:
    if lapor is None or not lapor.text_before_edit:
        return lapor
    return lapor.model_copy(update={"text_before_edit": masked(lapor.text_before_edit, 10_000)})


def _reported_at(submission: SubmissionPosted) -> datetime:
    """When it was reported; what stands in public was reported on the day on which it was published."""
    publication = submission.publication
    if publication is None or day_of(submission.reported_at) == publication.published_on:
        return submission.reported_at
    return datetime.combine(publication.published_on, time(), tzinfo=JAKARTA).astimezone(UTC)


def _identity(submission: SubmissionPosted) -> Identity:
    lapor, place = submission.lapor, submission.place
    return Identity(
        reporter=submission.reporter,
        conversation=submission.conversation,
        title=submission.title,
        text=submission.text,
        place=place.text if place else None,
        category=submission.category,
        text_before_edit=lapor.text_before_edit if lapor else None,
        taken_by=submission.taken_by,
        letter=submission.letter,
        publication=submission.publication,
        file_names=tuple(sent.name for sent in submission.attachments or ()),
    )


def _files(
    complaint: Complaint, submission: SubmissionPosted, keys: Subkeys
) -> tuple[tuple[File, ...], tuple[Attachment, ...], tuple[Unfetched, ...]]:
    """Every file to be kept; those whose bytes are here, as the hub may know them; those still to be fetched.

    A file given by its address is kept as that address: without its bytes nobody can vouch for size and
    hash, so the hub hears of it only once it has been fetched.
    """
    files: list[File] = []
    attachments: list[Attachment] = []
    unfetched: list[Unfetched] = []
    for ordinal, (sent, look) in enumerate(
        zip(submission.attachments or (), attaching.looks(submission), strict=True)
    ):
        identity, name = keyed.file_id(complaint.id, ordinal, keys.files), masked(sent.name, 255)
        if isinstance(look, Clean):
            files.append(File(identity, look.content, None, look.media_type))
            attachments.append(attaching.attachment(identity, name, look))
        else:
            files.append(File(identity, None, sent.url))
            unfetched.append(Unfetched(id=identity, name=name))
    return tuple(files), tuple(attachments), tuple(unfetched)


def _accepted(complaint: Complaint, submission: SubmissionPosted, *, repeated: bool) -> SubmissionAccepted:
    return SubmissionAccepted(
        source=submission.source,
        reference=submission.reference,
        ticket=complaint.ticket,
        complaint_id=complaint.id,
        repeated=repeated,
    )


def _refused(submission: SubmissionPosted, errors: list[FieldError]) -> SubmissionRefused:
    return refusal(submission.source, submission.reference, errors)
