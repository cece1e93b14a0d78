"""Which days count: working days in Jakarta, with public holidays and cuti bersama, as one dated calendar."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.metadata import version
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import holidays
from pydantic import BaseModel, ConfigDict, Field, model_validator

JAKARTA = ZoneInfo("Asia/Jakarta")
"""The zone whose days a deadline counts (WIB, UTC+7, no summer time)."""

Unit = Literal["working", "calendar"]
Certainty = Literal["A", "B", "C"]
"""A official artefact, B press or one page, C general knowledge (DOMAIN.md)."""

_DAY = timedelta(days=1)
_SATURDAY = 5
_MEMORY = 50_000


class ChangedDay(BaseModel):
    """A day that a decree closed or opened, other than the library `holidays` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: date
    name: str | None = None
    source: str
    certainty: Certainty
    note: str | None = None


class Holidays(BaseModel):
    """The document `holidays`: where closed days come from, and what the library does not know (yet).

    `government` is the category of cuti bersama; without it those days would count as worked.
    `decreed_through`: the last year whose cuti bersama is decreed; deadlines beyond it are provisional.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: Literal["ID"]
    categories: Annotated[tuple[Literal["public", "government"], ...], Field(min_length=1)]
    decreed_through: Annotated[int, Field(ge=2000, le=2100)]
    closed: tuple[ChangedDay, ...] = ()
    open: tuple[ChangedDay, ...] = ()
    source: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _one_word_a_day(self) -> "Holidays":
        both = {day.date for day in self.closed} & {day.date for day in self.open}
        if both:
            raise ValueError(f"both closed and open: {', '.join(sorted(map(str, both)))}")
        return self


@dataclass(frozen=True, slots=True)
class Term:
    """A deadline in days: its last day, the day at whose end it is warned, and the weekdays it skipped.

    `warn` None = at the start; `closed` are holidays on Monday to Friday between start and last day.
    """

    last: date
    warn: date | None
    closed: tuple[date, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Calendar:
    """One version of the calendar. `name` tells which, and by which edition of the library."""

    name: str
    rules: Holidays
    _years: dict[int, frozenset[date]] = field(default_factory=dict, repr=False)
    _terms: dict[tuple[object, ...], Term] = field(default_factory=dict, repr=False)

    def is_closed(self, day: date) -> bool:
        """Whether a holiday, cuti bersama or a decree of the city closes that day, whatever weekday it is."""
        year = self._years.get(day.year)
        if year is None:
            year = self._years.setdefault(day.year, _closed_days(self.rules, day.year))
        return day in year

    def is_working(self, day: date) -> bool:
        """Monday to Friday, and not closed."""
        return day.weekday() < _SATURDAY and not self.is_closed(day)

    def is_provisional(self, day: date) -> bool:
        """Whether the cuti bersama of that year is not decreed yet, so that the day may still change."""
        return day.year > self.rules.decreed_through

    def term(
        self, start: date, days: int, unit: Unit, warn_before: int = 0, away: Iterable[tuple[date, date]] = ()
    ) -> Term:
        """When `days` days after `start` are over.

        The day of the start does not count. A day between `from` and the day before `to` of an `away` span
        does not count either: the clock was still paused when that day ended. `warn_before` days of the
        term are left when it is warned.
        """
        spans = tuple(away)
        asked = (start, days, unit, warn_before, spans)
        known = self._terms.get(asked)
        if known is None:
            if len(self._terms) > _MEMORY:
                self._terms.clear()
            known = self._terms[asked] = self._count(start, days, unit, warn_before, spans)
        return known

    def _count(
        self, start: date, days: int, unit: Unit, warn_before: int, away: tuple[tuple[date, date], ...]
    ) -> Term:
        day, counted, warn = start, 0, None
        closed: list[date] = []
        while counted < days:
            day += _DAY
            if any(gone <= day < back for gone, back in away):
                continue
            if unit == "working" and not self.is_working(day):
                if day.weekday() < _SATURDAY:
                    closed.append(day)
                continue
            counted += 1
            if counted == days - warn_before:
                warn = day
        return Term(day, warn, tuple(closed))

    def working_minutes(self, since: datetime, until: datetime, opens: time, closes: time) -> int:
        """Minutes of office hours on working days between two instants, a begun minute as a whole one."""
        seconds = 0.0
        day, last = local_day(since), local_day(until)
        while day <= last:
            if self.is_working(day):
                opened, closed = at_local(day, opens), at_local(day, closes)
                seconds += max(0.0, (min(until, closed) - max(since, opened)).total_seconds())
            day += _DAY
        return -int(-seconds // 60)


@lru_cache(maxsize=_MEMORY)
def local_day(instant: datetime) -> date:
    """The day that it is in Jakarta."""
    return instant.astimezone(JAKARTA).date()


@lru_cache(maxsize=_MEMORY)
def at_local(day: date, wall: time) -> datetime:
    """The instant, UTC, at which clocks in Jakarta show `wall` on that day."""
    return datetime.combine(day, wall, JAKARTA).astimezone(UTC)


def edition_of_the_library() -> str:
    """Which `holidays` computes the closed days; a part of a calendar's name, because it may change them."""
    return f"holidays-{version('holidays')}"


def _closed_days(rules: Holidays, year: int) -> frozenset[date]:
    known = holidays.country_holidays(rules.country, years=year, categories=rules.categories)
    added = {day.date for day in rules.closed}
    taken = {day.date for day in rules.open}
    return frozenset({day for day in known if day.year == year} | added) - taken
