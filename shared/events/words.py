"""Which fields of which event hold words: what people wrote, and who they are. Erasure takes these and leaves the rest.

One table for every service. What is not in it stays: ids, instants, numbers, codes, states. A test sees to it that each
field that could hold words is either here or known to hold none.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from shared.events.fact import Event
from shared.events.intake import (
    CitizenRated,
    CitizenReplied,
    ComplaintAmended,
    ComplaintReceived,
    ComplaintWithdrawn,
)
from shared.events.lapor import LaporConverged, LaporDiverged, LaporReplied
from shared.events.notices import NoticeRequested
from shared.events.parts import Attachment, LaporOrigin, Place
from shared.events.routing import (
    Candidate,
    ComplaintAccepted,
    ComplaintAnswered,
    ComplaintClosed,
    ComplaintHandedBack,
    ComplaintProgressed,
    ComplaintRejected,
    ComplaintReopened,
    ComplaintRouted,
    DeadlineExtended,
    InformationRequested,
    TriageRequested,
)
from shared.events.sla import ClocksStated

Scope = Literal["identity", "complaint"]
"""What is erased: who reported it, or that and all words of and about the complaint."""

E = TypeVar("E", bound=Event)
Blank = Callable[[Any], Any]


def _text(_: str) -> str:
    return ""


def _lines(_: tuple[str, ...]) -> tuple[str, ...]:
    return ()


def wordless_place(place: Place) -> Place:
    """The place as far as the official regions tell: a point on a map may be somebody's door."""
    return place.model_copy(update={"text": None, "lat": None, "lon": None})


def nameless_files(files: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
    """The same files without their names."""
    return tuple(file.model_copy(update={"name": ""}) for file in files)


def wordless_candidates(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """The same candidates without the words that spoke for them."""
    return tuple(candidate.model_copy(update={"why": ""}) for candidate in candidates)


def _origin(lapor: LaporOrigin) -> LaporOrigin:
    return lapor.model_copy(update={"text_before_edit": None})


_WORK: Mapping[str, Blank] = {"text": _text, "attachments": nameless_files}
_REASON: Mapping[str, Blank] = {"reason": _text}
_SIDES: Mapping[str, Blank] = {"ours": _text, "theirs": _text, "agreed": _text}

WHO: Mapping[type[Event], Mapping[str, Blank]] = {
    ComplaintReceived: {"reporter": _text},
    ComplaintAmended: {"reporter": _text},
    NoticeRequested: {"conversation": _text},
}
"""Fields that lead to the reporter: gone with either scope."""

WORDS: Mapping[type[Event], Mapping[str, Blank]] = {
    ComplaintReceived: {
        "title": _text,
        "text": _text,
        "place": wordless_place,
        "category_hint": _text,
        "attachments": nameless_files,
        "lapor": _origin,
    },
    ComplaintAmended: {
        "title": _text,
        "text": _text,
        "place": wordless_place,
        "category_hint": _text,
        "attachments": nameless_files,
    },
    ComplaintWithdrawn: _REASON,
    CitizenReplied: _WORK,
    CitizenRated: {"text": _text},
    NoticeRequested: {"text": _text},
    TriageRequested: {"candidates": wordless_candidates},
    ComplaintRouted: {"trace": _lines, "note": _text},
    ComplaintAccepted: _WORK,
    ComplaintProgressed: _WORK,
    ComplaintAnswered: _WORK,
    ComplaintHandedBack: _REASON,
    InformationRequested: {"question": _text},
    ComplaintRejected: _REASON,
    ComplaintClosed: _REASON,
    ComplaintReopened: _REASON,
    DeadlineExtended: _REASON,
    LaporReplied: {"text": _text},
    LaporDiverged: _SIDES,
    LaporConverged: _SIDES,
}
"""Fields that hold words of or about a complaint: gone with scope `complaint`. What is null stays null."""

STATEMENTS: frozenset[type[Event]] = frozenset({ClocksStated})
"""Of a compacted topic: with scope `complaint` nothing of them is kept, and their key ends in a null value."""


def wider(one: Scope | None, other: Scope | None) -> Scope | None:
    """The one that takes more."""
    return "complaint" if "complaint" in (one, other) else one or other


def is_touched(kind: type[Event], scope: Scope) -> bool:
    """Whether an event of this type loses anything."""
    return kind in WHO or (scope == "complaint" and (kind in WORDS or kind in STATEMENTS))


def wordless(event: E, scope: Scope) -> E:
    """The event without what `scope` erases, still valid by its class, under the same id; itself where nothing goes."""
    fields = dict(WHO.get(type(event), {}))
    if scope == "complaint":
        fields |= WORDS.get(type(event), {})
    told = {
        name: blank(value) for name, blank in fields.items() if (value := getattr(event, name)) is not None
    }
    changed = {name: value for name, value in told.items() if value != getattr(event, name)}
    return event.model_copy(update=changed) if changed else event
