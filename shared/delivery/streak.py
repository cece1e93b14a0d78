"""When failures stop being single bad records and start to look like a bad deploy (DESIGN §4.7). Pure."""

from collections.abc import Iterable
from uuid import UUID

IN_A_ROW = 5
WINDOW = 100
IN_WINDOW = 20


class Streak:
    """The last outcome of the last 100 distinct complaints, oldest first; a value, `after` makes another.

    `stops`: why the consumer must stop, in words; None while it may go on.
    """

    def __init__(self, last: dict[UUID, bool] | None = None, stops: str | None = None) -> None:
        self._last = last or {}
        self.stops = stops

    def after(self, outcomes: Iterable[tuple[UUID, bool]]) -> "Streak":
        """The streak once these (complaint, whether it went well) have been added, judged after each failure."""
        last = dict(self._last)
        for key, well in outcomes:
            last.pop(key, None)
            last[key] = well
            if len(last) > WINDOW:
                del last[next(iter(last))]
            if not well and (reason := _reason(list(last.values()))):
                return Streak(last, reason)
        return Streak(last)


def _reason(outcomes: list[bool]) -> str | None:
    if len(outcomes) >= IN_A_ROW and not any(outcomes[-IN_A_ROW:]):
        return f"{IN_A_ROW} complaints failed in a row"
    failed = outcomes.count(False)
    return f"{failed} of the last {len(outcomes)} complaints failed" if failed >= IN_WINDOW else None
