"""What intake derives under a key: fingerprints, pseudonyms, names of files. None can be computed outside."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from uuid import UUID

from services.intake.domain.links import normalised
from shared.events.parts import Reporter
from shared.events.submissions import SubmissionPosted


@dataclass(frozen=True, slots=True)
class Subkeys:
    """One 32-byte key per purpose, derived from the master key (`shared.sealing.Seal.derive`)."""

    tickets: bytes
    fingerprints: bytes
    pseudonyms: bytes
    files: bytes
    secrets: bytes


def fingerprint(submission: SubmissionPosted, key: bytes) -> bytes:
    """32 bytes that are equal where two submissions say the same.

    Over canonical JSON of all that was said, absent fields left out, so that a field added to the contract
    later changes nothing for those who do not send it. `lapor` is left out: the same report seen there again
    with another status is no other complaint. Keyed, because a bare hash of a phone number is its number.
    """
    said = submission.model_dump(mode="json", exclude={"lapor"}, exclude_none=True)
    if not said.get("attachments"):
        said.pop("attachments", None)
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.digest(key, canonical.encode(), "sha256")


def link_mark(link: str, key: bytes) -> bytes:
    """32 bytes that are equal where two links lead to one place. A post's link names who wrote it: so keyed."""
    return hmac.digest(key, f"link:{normalised(link)}".encode(), "sha256")


def pseudonym(reporter: Reporter | None, *, anonymous: bool, complaint_id: UUID, key: bytes) -> str:
    """32 hex digits that are equal where two complaints have one contact: phone, else e-mail, else NIK.

    Of the complaint id where the reporter is anonymous or left no contact: then no two complaints meet.
    """
    contact = None if anonymous or reporter is None else _contact(reporter)
    return hmac.digest(key, (contact or f"complaint:{complaint_id}").encode(), "sha256")[:16].hex()


def _contact(reporter: Reporter) -> str | None:
    if reporter.phone and (phone := _phone(reporter.phone)):
        return f"phone:{phone}"
    if reporter.email and (email := reporter.email.strip().casefold()):
        return f"email:{email}"
    return f"nik:{reporter.nik}" if reporter.nik else None


def _phone(written: str) -> str | None:
    """Digits with the country's code: `0812…`, `812…`, `+62 812…` and `62812…` are one number."""
    digits = "".join(letter for letter in written if letter in "0123456789")
    if len(digits) < 8:
        return None
    if digits.startswith("620"):
        return f"62{digits[3:]}"
    if digits.startswith("62") or written.strip().startswith("+"):
        return digits
    return f"62{digits.removeprefix('0')}"


def file_id(complaint_id: UUID, ordinal: int, key: bytes) -> str:
    """The id of a complaint's `ordinal`-th (from 0) attachment: the same each time, and not guessable."""
    return hmac.digest(key, complaint_id.bytes + ordinal.to_bytes(2, "big"), "sha256")[:16].hex()


def tracking_secret(complaint_id: UUID, submission_id: UUID, key: bytes) -> str:
    """The secret by which whoever has it acts for the reporter: 32 letters that fit an address or a header.

    Of the very submission that created the complaint, so that no repeat can have it computed again.
    """
    digest = hmac.digest(key, complaint_id.bytes + submission_id.bytes, "sha256")
    return base64.urlsafe_b64encode(digest[:24]).decode()


def secret_hash(secret: str) -> bytes:
    """What the store keeps of it. Not keyed: 192 random bits are not guessed."""
    return hashlib.sha256(secret.encode()).digest()


def sent_file_id(complaint_id: UUID, sha256: str, opd: str | None, key: bytes) -> str:
    """The id of a file that is sent after the complaint: by its bytes as they came, so that twice is once."""
    whose = f"{opd or ''}:{sha256}".encode()
    return hmac.digest(key, complaint_id.bytes + whose, "sha256")[:16].hex()
