"""Erasure: what the bridge forgets of a complaint. What already stands in SP4N-LAPOR is not ours to erase."""

from dataclasses import replace
from datetime import datetime

from services.lapor_bridge.domain.city import City
from services.lapor_bridge.domain.forwarding import is_surely_not_there, kept_here
from services.lapor_bridge.domain.link import Link, Write
from shared.decision import Decision
from shared.events.intake import ComplaintErased
from shared.events.words import Scope

WHY = "it was erased"


def on_complaint_erased(link: Link, event: ComplaintErased, _city: City, _now: datetime) -> Decision[Link]:
    """What has not left yet stays here, and nothing more is written there."""
    return Decision(link, forgets=event.scope)


def forget(link: Link, scope: Scope) -> Link:
    """The link without its words. Of a write of which nobody knows yet whether it arrived, that is still settled.

    Of an erased identity there is nothing here; but nobody must ask for it any more.
    """
    if scope == "identity":
        if link.content is None or link.content.nameless:
            return link
        return replace(link, content=link.content.model_copy(update={"nameless": True}))
    if is_surely_not_there(link):
        bare = link if link.forwarding == "never" and not link.writes else kept_here(link, WHY)
        return bare if bare.content is None else replace(bare, content=None)
    bare = replace(link, content=None, writes=tuple(_write(write) for write in link.writes))
    return link if bare == link else bare


def _write(write: Write) -> Write:
    if write.state == "waiting":
        return replace(write, state="done", text=None, next_at=None, reason=WHY)
    return replace(write, text=None)
