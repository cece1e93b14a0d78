"""What LAPOR's own people do to a report: admins, institutions there, reporters, and the clock of the system."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from simulators.complaints.writing import phrases
from simulators.lapor import statuses
from simulators.lapor.ledger import Author, Ledger, NewItem
from simulators.lapor.records import Row

REPORTER: Final = "pelapor"


@dataclass(frozen=True, slots=True)
class Deed:
    """One act of somebody inside LAPOR. `by` only for close and archive, `institution_id` only for dispose."""

    act: str
    by: str | None = None
    institution_id: str | None = None
    text: str | None = None
    rating: int | None = None


def do(ledger: Ledger, tracking_id: str, deed: Deed, author: Author, now: datetime) -> Row:
    """Carry the deed out, with the item that LAPOR shows under the report; the report after.

    Raises ledger.Unknown, statuses.NotAllowed, and ValueError naming what the deed lacks.
    """
    report = ledger.report(tracking_id)
    if deed.act not in statuses.ACTS:
        raise ValueError("act")
    if deed.act == "dispose" and deed.institution_id is None:
        raise ValueError("institution")
    if deed.act in ("close", "archive") and deed.by not in statuses.BY:
        raise ValueError("by")
    if deed.act in ("answer", "ask", "reply", "edit") and not deed.text:
        raise ValueError("text")
    if deed.act == "rate" and deed.rating is None:
        raise ValueError("rating")
    return ledger.act(
        tracking_id,
        deed.act,
        author,
        now,
        by=deed.by if deed.act in ("close", "archive") else None,
        institution_id=deed.institution_id if deed.act == "dispose" else None,
        item=_item(deed, report),
        text=deed.text,
        note=deed.text if deed.act not in ("reply", "edit", "rate") else None,
    )


def pass_time(
    ledger: Ledger, now: datetime, *, silence_days: float, completion_days: float
) -> list[tuple[str, str]]:
    """Close what the reporter left unanswered and archive what was never completed: (tracking id, status).

    Calendar days, counted from the last word or the present status, whichever is later.
    """
    author = Author("timer", "sistem", f"tick {now:%Y-%m-%dT%H:%M:%S}")
    due = (
        (statuses.IN_WORK, "close", silence_days),
        (statuses.INCOMPLETE, "archive", completion_days),
    )
    ended: list[tuple[str, str]] = []
    for status, act, days in due:
        for tracking_id in ledger.waiting_since(status, now - timedelta(days=days)):
            after = do(ledger, tracking_id, Deed(act, by="Sistem"), author, now)
            ended.append((tracking_id, after["status"]))
    return ended


def liven(ledger: Ledger, seed: int, steps: int, author: Author, now: datetime) -> list[tuple[str, str]]:
    """`steps` deeds on open reports, drawn from the seed: (tracking id, act). The same state → the same deeds."""
    rng = Random(seed)  # noqa: S311 - chance for tests, not for secrets
    offices = [row["id"] for row in ledger.institutions(200, 0) if row["inside"] and row["code"] != "PEMKOT"]
    done: list[tuple[str, str]] = []
    for _ in range(steps):
        there = ledger.open_ids()
        if not there:
            break
        tracking_id = rng.choice(there)
        deed = _likely(rng, ledger.report(tracking_id)["status"], offices)
        do(ledger, tracking_id, deed, author, now)
        done.append((tracking_id, deed.act))
    return done


def _likely(rng: Random, status: str, offices: list[str]) -> Deed:
    book = phrases()
    deeds = {
        statuses.UNVERIFIED: (
            (6, Deed("dispose", institution_id=rng.choice(offices))),
            (1, Deed("ask", text=rng.choice(book["asks"]))),
            (1, Deed("archive", by="Admin")),
        ),
        statuses.INCOMPLETE: (
            (3, Deed("reply", text=rng.choice(book["replies"]))),
            (1, Deed("archive", by="Pelapor")),
        ),
        statuses.UNANSWERED: (
            (6, Deed("answer", text=rng.choice(book["answers"]))),
            (1, Deed("refuse", text="Bukan wewenang kami.")),
            (1, Deed("reply", text=rng.choice(book["replies"]))),
        ),
        statuses.IN_WORK: (
            (3, Deed("reply", text=rng.choice(book["replies"]))),
            (2, Deed("close", by="Pelapor")),
            (1, Deed("close", by="Admin")),
            (1, Deed("rate", rating=rng.randrange(1, 6))),
        ),
    }[status]
    return rng.choices([deed for _, deed in deeds], weights=[weight for weight, _ in deeds])[0]


def _item(deed: Deed, report: Row) -> NewItem | None:
    """What is to be read under the report because of the deed; closing by the system leaves no word."""
    here = report["disposed_id"] or report["parent_id"]
    if deed.act in ("reply", "rate"):
        return NewItem(deed.text, user_id=REPORTER, rating=deed.rating)
    if deed.act in ("answer", "ask"):
        return NewItem(deed.text, institution_from_id=here)
    if deed.act == "dispose":
        return NewItem(
            None,
            institution_from_id=here,
            institution_to_id=deed.institution_id,
            template_code="disposisi",
        )
    if deed.act in ("refuse", "request_refusal"):
        return NewItem(deed.text, institution_from_id=here, template_code="bukan_wewenang")
    return None
