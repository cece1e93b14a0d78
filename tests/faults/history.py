"""What the recorded client did and what it was answered: `ok`, `failed`, or `unknown`. A time-out is unknown."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["ok", "failed", "unknown"]
What = Literal["submit", "act", "update", "citizen"]


@dataclass
class Deed:
    """One thing that was wanted, under one name, however often it was tried.

    `token` stands in its text and nowhere else, so that its effects can be counted wherever they show.
    """

    what: What
    name: str
    token: str
    body: dict[str, Any]
    door: Literal["http", "kafka"]
    tries: list[Outcome] = field(default_factory=list)
    ticket: str | None = None
    tickets: set[str] = field(default_factory=set)
    refused: str | None = None
    store_refuses: bool = False

    @property
    def outcome(self) -> Outcome:
        """Done for certain, certainly not done, or who knows."""
        if "ok" in self.tries:
            return "ok"
        return "unknown" if "unknown" in self.tries or not self.tries else "failed"


@dataclass(frozen=True)
class Bad:
    """A record that nobody can work; `number` is in its header. `told`: its sender can be told, by a receipt."""

    number: int
    topic: str
    kind: str
    told: tuple[str, str] | None = None


@dataclass
class History:
    """All of it."""

    deeds: dict[str, Deed] = field(default_factory=dict)
    bad: list[Bad] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    """Canaries: words of identity that may stand in `intake.submissions` and nowhere else in clear."""
    lapor_reports: set[str] = field(default_factory=set)

    def begin(self, deed: Deed) -> Deed:
        self.deeds[deed.name] = deed
        return deed

    def of(self, what: What) -> Iterator[Deed]:
        return (deed for deed in self.deeds.values() if deed.what == what)

    def counted(self) -> dict[str, dict[str, int]]:
        """Outcomes by what was wanted."""
        table: dict[str, dict[str, int]] = {}
        for deed in self.deeds.values():
            row = table.setdefault(deed.what, {"ok": 0, "failed": 0, "unknown": 0})
            row[deed.outcome] += 1
        return table
