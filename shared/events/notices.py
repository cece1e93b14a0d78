"""`intake.notices`: messages that are due to citizens, for the systems of their channels to deliver."""

from typing import ClassVar, Literal

from shared.events.fact import Event, Key
from shared.events.parts import Channel, Ticket


class NoticeRequested(Event):
    """Tell the reporter. `conversation` is the channel's own reference for it, never an address.

    `template` names the occasion; `text` is the whole message, ready to be sent.
    """

    topic: ClassVar[str] = "intake.notices"
    type: ClassVar[str] = "simpul.notice.requested.v1"

    ticket: Ticket
    channel: Channel
    conversation: str
    template: str
    language: Literal["id"]
    text: str

    def record_key(self, subject: Key | None) -> str:  # noqa: ARG002
        return self.conversation
