"""Attaching: what becomes of the files that come with a complaint, after it, or from where they are fetched."""

import base64
import binascii
import hashlib
from dataclasses import replace
from datetime import datetime
from typing import cast

from services.intake.domain import keyed
from services.intake.domain.complaint import Complaint, File, Unfetched
from services.intake.domain.files import INLINE_PIXELS, Clean, Unfit, clean
from services.intake.domain.keyed import Subkeys
from services.intake.domain.possible import require
from shared.decision import Decision, Refused
from shared.events.fact import Fact
from shared.events.intake import ComplaintAmended
from shared.events.parts import Attachment, By, FieldError, SentAttachment
from shared.events.submissions import SubmissionPosted
from shared.masking import masked

MOST_FILES = 10
"""Of one complaint; and as many again from its OPDs, to show their work."""

INLINE_LIMIT = 1_048_576
"""Bytes of one attachment inside a submission (CONTRACTS.md: 1 MiB)."""

Look = Clean | str | None
"""What is in a file that came inside a submission: clean, or why it is not taken; None where none is inside."""


def look_into(submission: SubmissionPosted) -> tuple[Look, ...]:
    """What is in each of its attachments. Takes up to a second for each."""
    return tuple(_look(sent) for sent in submission.attachments or ())


def looks(submission: SubmissionPosted) -> tuple[Look, ...]:
    """The same, from where it was found out before (`Fold.examine`)."""
    if submission.findings is None:
        return look_into(submission)
    return cast("tuple[Look, ...]", submission.findings)


def _look(sent: SentAttachment) -> Look:
    if sent.inline is None:
        return None
    try:
        raw = base64.b64decode(sent.inline, validate=True)
        if len(raw) > INLINE_LIMIT:
            return f"holds more than {INLINE_LIMIT} bytes"
        return clean(raw, INLINE_PIXELS)
    except (binascii.Error, ValueError):
        return "is not base64"
    except Unfit as unfit:
        return unfit.reason


def attachment(identity: str, name: str, file: Clean) -> Attachment:
    """A clean file as the hub may know it. `name` is masked already."""
    return Attachment(
        id=identity,
        name=name,
        media_type=file.media_type,
        size=len(file.content),
        sha256=hashlib.sha256(file.content).hexdigest(),
    )


class AttachFile(Fact):
    """A file is sent for a complaint that is in; `original` is the SHA-256 of its bytes as they came, in hex.

    `opd`: the agency that shows its work with it; None where it is part of the complaint.
    """

    name: str
    original: str
    media_type: str
    content: bytes
    by: By
    opd: str | None = None

    @property
    def file(self) -> Clean:
        return Clean(self.media_type, self.content)


class FileFetched(Fact):
    """A file that was given by its address is here, and clean."""

    file_id: str
    media_type: str
    content: bytes


class FileLost(Fact):
    """A file that was given by its address will not come."""

    file_id: str
    reason: str


def attach_file(complaint: Complaint, act: AttachFile, keys: Subkeys, now: datetime) -> Decision[Complaint]:
    """Keep it, once. What the citizen sends is told as an amendment; an OPD's evidence when it is cited."""
    if complaint.erased == "complaint":
        raise Refused([FieldError(field="file", reason="the complaint is erased")], conflict=True)
    if held(complaint, act, keys) is not None:
        return Decision(complaint)
    if act.opd is None:
        require(complaint, "attach")
    taken = len(complaint.attachments) + len(complaint.unfetched)
    if (len(complaint.evidence) if act.opd else taken) >= MOST_FILES:
        reason = f"no more than {MOST_FILES} files are kept of one complaint"
        raise Refused([FieldError(field="file", reason=reason)], conflict=True)
    identity = keyed.sent_file_id(complaint.id, act.original, act.opd, keys.files)
    file = File(identity, act.content, None, act.media_type, act.opd)
    kept = replace(complaint, fresh_files=(*complaint.fresh_files, file), files_listed=False)
    new = attachment(identity, masked(act.name, 255), act.file)
    if act.opd is not None:
        return Decision(replace(kept, evidence=(*kept.evidence, new)))
    return _amended(replace(kept, attachments=(*kept.attachments, new)), act.by, now)


def held(complaint: Complaint, act: AttachFile, keys: Subkeys) -> Attachment | None:
    """The attachment that this file is, where it is kept already."""
    identity = keyed.sent_file_id(complaint.id, act.original, act.opd, keys.files)
    sha256 = hashlib.sha256(act.content).hexdigest()
    among = complaint.evidence if act.opd else complaint.attachments
    return next((one for one in among if one.id == identity or one.sha256 == sha256), None)


def may_see(role: str, media_type: str, opd: str | None, *, anonymous: bool) -> bool:
    """Whether whoever was let in at the complaint's door may see this file of it.

    An anonymous reporter's PDF is not for an OPD: what names its author cannot be taken out of it.
    """
    return not (anonymous and role == "opd" and opd is None and media_type == "application/pdf")


def on_file_fetched(
    complaint: Complaint, fact: FileFetched, _keys: Subkeys, now: datetime
) -> Decision[Complaint]:
    """The complaint has one more attachment, once."""
    if complaint.erased == "complaint" or any(one.id == fact.file_id for one in complaint.attachments):
        return Decision(complaint)
    file = Clean(fact.media_type, fact.content)
    kept = replace(
        complaint,
        attachments=(*complaint.attachments, attachment(fact.file_id, _name(complaint, fact.file_id), file)),
        unfetched=tuple(other for other in complaint.unfetched if other.id != fact.file_id),
        fresh_files=(*complaint.fresh_files, File(fact.file_id, fact.content, None, fact.media_type)),
        files_listed=False,
    )
    return _amended(kept, By(kind="system", name="intake"), now)


def on_file_lost(complaint: Complaint, fact: FileLost, _keys: Subkeys, _now: datetime) -> Decision[Complaint]:
    """Written down on the complaint, where verifiers see it."""
    lost = Unfetched(id=fact.file_id, name=_name(complaint, fact.file_id), problem=fact.reason)
    if complaint.erased == "complaint" or lost in complaint.unfetched:
        return Decision(complaint)
    others = tuple(one for one in complaint.unfetched if one.id != fact.file_id)
    return Decision(replace(complaint, unfetched=(*others, lost), files_listed=False))


def _name(complaint: Complaint, file_id: str) -> str:
    """What its publisher called it; a file that an older version took in was not given a name here."""
    return next((one.name for one in complaint.unfetched if one.id == file_id), "lampiran")


def _amended(complaint: Complaint, by: By, now: datetime) -> Decision[Complaint]:
    amended = ComplaintAmended(at=now, by=by, changed=("attachments",), attachments=complaint.attachments)
    return Decision(complaint, [amended])
