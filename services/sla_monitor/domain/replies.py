"""Which of the reporter's replies belongs to which question or answer, and what state the case is in then."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from services.sla_monitor.domain.history import ENDINGS, REMARKS, CaseState, Heard, History, What

WAITED_ON: frozenset[What] = frozenset({"asked", "answered"})
"""After these the next word is the reporter's."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question or an answer, and how the waiting for the reporter came to its end.

    `since`: its instant, or where that is unknown the last known one before it; None where there is none.
    `replied`: a reply is known; `replied_at` its instant (None = unknown, also where there is none).
    `next_act`: what the city did next, endings apart. The transition table lets the city act after a question
    or an answer only once the reporter has spoken (or, after a question, to answer), so it stands for a reply
    that has not come to us yet.
    """

    position: int
    fact: Heard
    since: datetime | None
    replied: bool
    replied_at: datetime | None
    next_act: Heard | None

    @property
    def over(self) -> bool:
        """Whether the reporter has spoken, as far as we know or must conclude."""
        return self.replied or (self.next_act is not None and not self.answered_instead)

    @property
    def answered_instead(self) -> bool:
        """Whether it was a question that the OPD answered itself, which needs no reply."""
        return self.fact.what == "asked" and self.next_act is not None and self.next_act.what == "answered"


def waitings(history: History) -> tuple[Waiting, ...]:
    """Every question and answer in the city's order, each with its reply.

    A reply belongs to what it names, and to what stood open at its instant: the city takes any word of the
    reporter for a reply. One that names nothing and whose instant is unknown goes to the first that must have
    had one or still waits for one.
    """
    replies = [fact for fact in history.intake if fact.what == "replied"]
    adrift = [fact for fact in replies if fact.at is None and fact.answers is None]
    return tuple(_matched(history, replies, adrift))


def _matched(history: History, replies: list[Heard], adrift: list[Heard]) -> Iterator[Waiting]:
    left = len(adrift)
    for position, fact in enumerate(history.routing):
        if fact.what not in WAITED_ON:
            continue
        known = [earlier.at for earlier in history.routing[: position + 1] if earlier.at is not None]
        since = fact.at or (known[-1] if known else None)
        next_act = _next_act(history.routing, position)
        life = history.life_of(position)
        mine = [
            reply
            for reply in replies
            if reply.answers == fact.id or (life.has(reply) and _stood_open(reply, since, next_act))
        ]
        instants = [max(reply.at, since or reply.at) for reply in mine if reply.at is not None]
        waiting = Waiting(position, fact, since, bool(mine), min(instants, default=None), next_act)
        if not mine and left and not waiting.answered_instead:
            left -= 1
            waiting = replace(waiting, replied=True)
        yield waiting


def _next_act(routing: tuple[Heard, ...], position: int) -> Heard | None:
    later = (fact for fact in routing[position + 1 :] if fact.what not in REMARKS)
    following = next(later, None)
    return None if following is None or following.what in ENDINGS else following


def _stood_open(reply: Heard, since: datetime | None, next_act: Heard | None) -> bool:
    if reply.at is None or (since is not None and reply.at < since):
        return False
    return next_act is None or next_act.at is None or reply.at <= next_act.at


_AFTER: dict[What, CaseState] = {
    "triage": "triage",
    "routed": "routed",
    "accepted": "in_work",
    "progressed": "in_work",
    "asked": "asked",
    "answered": "answered",
    "handed_back": "triage",
    "rejected": "rejected",
    "closed": "closed",
    "withdrawn": "closed",
    "reopened": "triage",
}


def case_state(history: History) -> CaseState:
    """Where the case stands by CONTRACTS.md's table, as far as we have heard."""
    if history.is_merged:
        return "closed"
    present = history.life_of(len(history.routing))
    if any(fact.what == "withdrawn" and present.has(fact) for fact in history.intake):
        return "closed"
    acts = [fact for fact in history.routing if fact.what not in REMARKS]
    if not acts:
        return "closed" if history.received and history.received.arrived == "ended" else "new"
    state = _AFTER[acts[-1].what]
    if acts[-1].what in WAITED_ON and waitings(history)[-1].over:
        return "in_work"
    return state
