"""When failures stop being single bad records and start to look like a bad deploy (DESIGN §4.7). Pure."""

from collections.abc import Iterable
from uuid import UUID

IN_A_ROW = 5
WINDOW = 100
IN_WINDOW = 20


class Streak:
    """The last outcome of the last 100 distinct complaints, oldest first; a value, `after` makes another."""

    def __init__(self, last: dict[UUID, bool] | None = None) -> None:
        self._last = last or {}

    def after(self, outcomes: Iterable[tuple[UUID, bool]]) -> "Streak":
        """The streak once these (complaint, whether it went well) have been added, in order."""
        last = dict(self._last)
        for key, well in outcomes:
            last.pop(key, None)
            last[key] = well
        return Streak(dict(list(last.items())[-WINDOW:]))

    @property
    def stops(self) -> str | None:
        """Why the consumer must stop, in words; None while it may go on."""
        outcomes = list(self._last.values())
        if len(outcomes) >= IN_A_ROW and not any(outcomes[-IN_A_ROW:]):
            return f"the last {IN_A_ROW} complaints all failed"
        failed = outcomes.count(False)
        return f"{failed} of the last {len(outcomes)} complaints failed" if failed >= IN_WINDOW else None
