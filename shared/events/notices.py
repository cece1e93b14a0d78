"""`intake.notices`: messages that are due to citizens, for the systems of their channels to deliver."""

from typing import ClassVar, Literal, Self
from uuid import UUID

from pydantic import PrivateAttr

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

    _about: UUID | None = PrivateAttr(default=None)

    @property
    def about(self) -> UUID | None:
        """Whose complaint it tells of: with that one's erasure it is gone, whatever caused it."""
        return self._about

    def told_of(self, complaint: UUID) -> Self:
        """This notice, about that complaint. Returns itself."""
        self._about = complaint
        return self

    def record_key(self, subject: Key | None) -> str:  # noqa: ARG002
        return self.conversation
