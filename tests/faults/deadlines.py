"""A second calculator of deadlines, written from DESIGN §5 and the city's files alone; it shares no code with the
monitor and reads nothing but `intake.events` and `routing.events`.

It knows what these runs bring about: no extensions, no merges, no reopenings, no lapses.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import holidays

WIB = timezone(timedelta(hours=7))
Json = Mapping[str, Any]
Line = tuple[str, Json]
"""Type and data of one event, in its owner's order."""

ClockKey = tuple[str, int]
"""A clock's name and its disposition, 0 where it has none."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A clock whose deadline passed unmet, and when that was."""

    clock: ClockKey
    due_at: datetime


def instant(text: str | None) -> datetime | None:
    """An instant of an event."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


class Office:
    """The city's lengths and days off, as its files say."""

    def __init__(self, sla: Json, days_off: Json) -> None:
        [self._policy] = sla["policies"]
        self._ends = time.fromisoformat(str(self._policy["day_ends"]))
        self._categories = tuple(days_off["categories"])
        self._closed = {entry["date"] for entry in days_off["closed"]}
        self._open = {entry["date"] for entry in days_off["open"]}
        self._known: dict[int, set[date]] = {}

    def due(self, step: Json, start: datetime) -> datetime:
        """The end of the last day; the day of the start does not count."""
        day, left = start.astimezone(WIB).date(), int(step["days"])
        while left:
            day += timedelta(days=1)
            if step["unit"] == "calendar" or self._works(day):
                left -= 1
        return datetime.combine(day, self._ends, WIB).astimezone(UTC)

    def _works(self, day: date) -> bool:
        if day.year not in self._known:
            library = holidays.country_holidays("ID", years=day.year, categories=self._categories)
            self._known[day.year] = ({*library} | self._closed) - self._open
        return day.weekday() < 5 and day not in self._known[day.year]

    def overdue(self, intake: Sequence[Line], routing: Sequence[Line], now: datetime) -> Iterator[Overdue]:
        """Every clock of one complaint that ran past its deadline by `now`."""
        received = next((data for kind, data in intake if kind == "complaint.received"), None)
        if received is None:
            return
        came = received.get("lapor") or {}
        if came.get("state") in ("closed", "archived", "blocked"):
            return
        withdrawn = [data for kind, data in intake if kind == "complaint.withdrawn"]
        steps, begins = self._policy["steps"], instant(received["received_at"])
        assert begins is not None
        acts = [(n, kind, data) for n, (kind, data) in enumerate(routing)]

        first = next((data for _, kind, data in acts if kind != "complaint.classified"), None)
        came_disposed = (
            bool(came.get("opd")) and first is not None and first.get("by", {}).get("kind") == "lapor"
        )
        if not (came_disposed and first is not None and "disposition" in first):
            ends = [a for a in acts if a[1] in ("complaint.routed", "complaint.rejected", "complaint.closed")]
            yield from self._late(
                ("verify", 0), begins, self.due(steps["verify"], begins), ends, withdrawn, now
            )

        for n, kind, routed in acts:
            if kind != "complaint.routed":
                continue
            number = routed["disposition"]
            since = instant(routed["at"]) or begins
            mine = (
                "complaint.progressed",
                "information.requested",
                "complaint.answered",
                "complaint.handed_back",
            )
            ends = [
                a for a in acts[n + 1 :]
                if (a[1] in mine and a[2]["disposition"] == number)
                or a[1] in ("complaint.routed", "complaint.rejected", "complaint.closed")
            ]  # fmt: skip
            due = self.due(steps["first_response"], since)
            yield from self._late(("first_response", number), since, due, ends, withdrawn, now)

        yield from self._resolution(received, intake, acts, withdrawn, now)

    def _resolution(
        self, received: Json, intake: Sequence[Line], acts: Sequence[tuple[int, str, Json]],
        withdrawn: Sequence[Json], now: datetime,
    ) -> Iterator[Overdue]:  # fmt: skip
        since = instant(received["reported_at"])
        assert since is not None
        given = [
            data["klasifikasi"]
            for _, kind, data in acts
            if kind == "complaint.classified" and data["klasifikasi"]
        ]
        kind_of = given[-1] if given else received.get("klasifikasi")
        due = self.due(self._policy["resolution"][kind_of or "unclassified"], since)
        ends = [a for a in acts if a[1] in ("complaint.answered", "complaint.rejected", "complaint.closed")]
        late = list(self._late(("resolution", 0), since, due, ends, withdrawn, now))
        if late and self._asked_and_waiting(intake, acts, due, ends):
            return
        yield from late

    def _asked_and_waiting(
        self,
        intake: Sequence[Line],
        acts: Sequence[tuple[int, str, Json]],
        due: datetime,
        ends: Sequence[Any],
    ) -> bool:
        """Whether the clock still stands still, since a question that was asked in time and that nobody answered.

        Questions and replies of one day take no day away, so a pause that is over moves nothing here.
        """
        asked = [(n, data) for n, kind, data in acts if kind == "information.requested"]
        if not asked or ends:
            return False
        n, question = asked[-1]
        at = instant(question["at"])
        replies = [instant(data["at"]) for kind, data in intake if kind == "citizen.replied"]
        spoken = any(reply is None or at is None or reply >= at for reply in replies)
        return not spoken and n == len(acts) - 1 and (at is None or at <= due)

    def _late(
        self, clock: ClockKey, since: datetime, due: datetime, ends: Sequence[tuple[int, str, Json]],
        withdrawn: Sequence[Json], now: datetime,
    ) -> Iterator[Overdue]:  # fmt: skip
        found = [(n, instant(data["at"])) for n, _, data in ends]
        known = [(max(at, since), n) for n, at in found if at is not None]
        known += [(max(at, since), -1) for data in withdrawn if (at := instant(data["at"])) is not None]
        first = min(known, default=None)
        undated = [n for n, at in found if at is None and (first is None or first[1] < 0 or n < first[1])]
        if undated or due > now:
            return
        if first is None or first[0] > due:
            yield Overdue(clock, due)
