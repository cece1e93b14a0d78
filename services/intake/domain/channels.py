"""The channels a complaint may come by, as a table: their names, who may use them, what they must say."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from shared.events.parts import FieldError
from shared.events.submissions import SubmissionPosted

LAPOR = "lapor"
"""The bridge's source, and the channel of what it brings (CONTRACTS.md, intake.submissions)."""

Extra = Literal["taken_by", "letter", "publication"]
"""Fields of a submission that some channels must give."""


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """`label` is what citizens read; `only_from` the one source that may use it, None for any.

    `needs`: the fields that a submission by this channel must give. `candidate`: somebody else found the
    complaint in public, so a verifier first decides whether it is one.
    """

    label: str
    only_from: str | None = None
    needs: tuple[Extra, ...] = ()
    candidate: bool = False


CHANNELS: dict[str, ChannelRule] = {
    "app": ChannelRule("Aplikasi SIKESAL"),
    "web": ChannelRule("Situs web"),
    "whatsapp": ChannelRule("WhatsApp"),
    "call_center_112": ChannelRule("Call Center 112", needs=("taken_by",)),
    "counter": ChannelRule("Loket layanan", needs=("taken_by",)),
    "letter": ChannelRule("Surat", needs=("taken_by", "letter")),
    "mass_media": ChannelRule("Media massa", needs=("publication",), candidate=True),
    "social_media": ChannelRule("Media sosial", needs=("publication",), candidate=True),
    "sms": ChannelRule("SMS"),
    "email": ChannelRule("Surel"),
    LAPOR: ChannelRule("SP4N-LAPOR!", only_from=LAPOR),
}

_TELLING: tuple[Extra, ...] = ("letter", "publication")
"""Fields that make no sense by a channel that does not need them. An operator may stand behind any."""


def problems_of_channel(submission: SubmissionPosted) -> Iterator[FieldError]:
    """What its channel does not allow, or misses; by field, whichever door it came by."""
    rule = CHANNELS.get(submission.channel)
    if rule is None:
        yield FieldError(field="channel", reason=f"is not one of {', '.join(CHANNELS)}")
        return
    if rule.only_from not in (None, submission.source):
        yield FieldError(field="channel", reason=f"is for submissions of the source {rule.only_from} alone")
    for field in rule.needs:
        if getattr(submission, field) is None:
            yield FieldError(
                field=field, reason=f"is missing, and the channel {submission.channel} must say it"
            )
    for field in _TELLING:
        if getattr(submission, field) is not None and field not in rule.needs:
            yield FieldError(field=field, reason=f"is for the channels {', '.join(_needing(field))} alone")
    if submission.taken_by is not None and not submission.taken_by.strip():
        yield FieldError(field="taken_by", reason="is blank")


def _needing(field: Extra) -> Iterator[str]:
    return (name for name, rule in CHANNELS.items() if field in rule.needs)
