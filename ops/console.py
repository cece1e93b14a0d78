"""How long steps show themselves: moving lines on a terminal, plain ones elsewhere, nothing in tests."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

Told = Callable[[str], None]
"""Takes what a step is doing just now."""


class Steps:
    """Shows steps, several at once, each with its name, what it is doing and how long it took."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._console = Console(stderr=True, highlight=False)
        self._live: Progress | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Within this, steps on a terminal move."""
        if self._silent or not self._console.is_terminal:
            yield
            return
        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as self._live:
            yield
        self._live = None

    @contextmanager
    def step(self, name: str) -> Iterator[Told]:
        """One step; call what it yields with the news."""
        began = time.monotonic()
        if self._silent:
            yield lambda _news: None
        elif self._live is None:
            last = ""

            def tell(news: str) -> None:
                nonlocal last
                kind = news.partition(",")[0]  # of a counter, only the first line
                if kind != last:
                    print(f"{name}: {news}", file=sys.stderr, flush=True)
                last = kind

            yield tell
            print(f"{name}: done in {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
        else:
            live, task = self._live, self._live.add_task(name, total=1)
            try:
                yield lambda news: live.update(task, description=f"{name}: {news}")
            except BaseException:
                live.update(task, description=f"[red]{name}: stopped")
                raise
            live.update(task, description=name, completed=1)


def show_table(table: Table) -> None:
    """Print a table as wide as it is: an id that is cut cannot be copied."""
    console = Console(highlight=False)
    wide = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    Console(highlight=False, width=max(wide, console.width)).print(table, soft_wrap=True, crop=False)
