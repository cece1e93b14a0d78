"""What was measured, as a table for people or JSON for machines."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from rich.table import Table

from ops.bench.measuring import Spread
from ops.console import show_table


@dataclass(frozen=True)
class Figure:
    """One measured figure. `target`: what it should be, at most or at least; None where it is told beside others."""

    bench: str
    what: str
    unit: str
    spread: Spread
    target: float | None = None
    wants: Literal["at least", "at most"] = "at least"
    absolute: bool = True
    """Whether other work on the machine changes it; ratios and CPU suffer little."""

    @property
    def reached(self) -> bool | None:
        if self.target is None:
            return None
        if self.wants == "at least":
            return self.spread.middle >= self.target
        return self.spread.middle <= self.target


def cpu(bench: str, event: str, runs: Sequence[Mapping[str, float]], target: float | None) -> list[Figure]:
    """CPU per event, in all and by part."""
    whole = Spread.of([sum(run.values()) for run in runs])
    by_part = [
        Figure(bench, f"  of it {part}", "µs", Spread.of([run[part] for run in runs]), absolute=False)
        for part in runs[0]
    ]
    return [Figure(bench, f"CPU per {event}", "µs", whole, target, "at most", absolute=False), *by_part]


def show(figures: Sequence[Figure], machine: Mapping[str, object], told: Callable[[str], None]) -> None:
    """A table: each figure in the middle of its runs, their spread, and whether it is as it should be."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("bench", "what", "middle", "least … most", "runs", "wanted", ""):
        table.add_column(column, justify="right" if column in ("middle", "least … most", "runs") else "left")
    for one in figures:
        spread = one.spread
        wanted = "" if one.target is None else f"{one.wants} {_number(one.target)}"
        mark = {None: "", True: "reached", False: "not reached"}[one.reached]
        table.add_row(
            one.bench,
            one.what,
            f"{_number(spread.middle)} {one.unit}",
            f"{_number(spread.least)} … {_number(spread.most)}",
            str(spread.runs),
            wanted,
            mark,
        )
    show_table(table)
    told(
        f"{machine['at']}, {machine['cores']} cores, {machine['processor']}; load before: {machine['load_before']},"
        f" after: {machine['load_after']}. On a machine that has other work, trust ratios and CPU only."
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def as_json(figures: Sequence[Figure], machine: Mapping[str, object]) -> str:
    """All of it, for machines."""
    rows = [{**asdict(one), "reached": one.reached} for one in figures]
    return json.dumps({"machine": machine, "figures": rows}, indent=2, ensure_ascii=False)
