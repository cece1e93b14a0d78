"""What is seen while the demo plays: acts one by one, and a few numbers out of the stores as they grow.

On a terminal the lines move; elsewhere they are plain, one for each piece of news. All of it goes to stderr.
"""

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

SERVICES = {
    "intake": "intake",
    "routing": "routing",
    "lapor_bridge": "LAPOR bridge",
    "sla_monitor": "deadlines",
}


@dataclass
class _Act:
    title: str
    began: float
    news: str = ""
    took: float | None = None
    failed: bool = False
    spinner: Spinner = field(default_factory=lambda: Spinner("dots"))

    def render(self) -> RenderableType:
        line = Table.grid(padding=(0, 1))
        seconds = self.took if self.took is not None else time.monotonic() - self.began
        mark: RenderableType = self.spinner
        if self.took is not None:
            mark = Text("✗", style="red") if self.failed else Text("✓", style="green")
        words = Text(self.title, style="" if self.took is not None else "bold")
        line.add_row(mark, words, Text(f"{seconds:.1f} s", style="dim"))
        if self.took is None and self.news:
            return Group(line, Padding(Text(self.news, style="dim"), (0, 0, 0, 4)))
        return line


class Screen:
    """The acts so far and the present numbers. `silent`: nothing at all is shown."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._console = Console(stderr=True, highlight=False)
        self._acts: list[_Act] = []
        self._notes: list[str] = []
        self._numbers: Mapping[str, Mapping[str, int]] = {}
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Within this, acts on a terminal move."""
        if self._silent or not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._render, console=self._console, refresh_per_second=8) as self._live:
            yield
        self._live = None

    @contextmanager
    def act(self, title: str) -> Iterator[Callable[[str], None]]:
        """One act; call what it yields with the news."""
        act = _Act(title, time.monotonic())
        self._acts.append(act)
        self._print(f"* {title}")

        def tell(news: str) -> None:
            if _wordly(news) != _wordly(act.news):  # of a counter only the first line
                self._print(f"    {news}")
            act.news = news

        try:
            yield tell
        except BaseException:
            act.failed = True
            raise
        finally:
            act.took = time.monotonic() - act.began
        counted = "; ".join(
            f"{SERVICES[service]}: {', '.join(f'{number} {name}' for name, number in numbers.items())}"
            for service, numbers in self._numbers.items()
        )
        self._print(f"  done in {act.took:.1f} s" + (f" ({counted})" if counted else ""))

    def did(self, title: str, seconds: float) -> None:
        """An act that was shown elsewhere."""
        self._acts.append(_Act(title, 0.0, took=seconds))

    def note(self, words: str) -> None:
        """Something that is worth a line of its own: a part is gone, or is back."""
        self._notes.append(words)
        self._print(f"! {words}")

    def numbers(self, numbers: Mapping[str, Mapping[str, int]]) -> None:
        """The present numbers, by service."""
        self._numbers = {**self._numbers, **numbers}

    def _print(self, line: str) -> None:
        if not self._silent and self._live is None and not self._console.is_terminal:
            print(line, file=sys.stderr, flush=True)

    def _render(self) -> RenderableType:
        parts: list[RenderableType] = [act.render() for act in self._acts]
        parts += [Text(f"! {note}", style="yellow") for note in self._notes[-4:]]
        if self._numbers:
            table = Table.grid(padding=(0, 2))
            for service, numbers in self._numbers.items():
                row = Text()
                for name, number in numbers.items():
                    row.append(f"{number}", style="bold cyan").append(f" {name}   ")
                table.add_row(Text(SERVICES[service], style="bold"), row)
            parts += [Text(), table]
        return Group(*parts)


def _wordly(news: str) -> str:
    return re.sub(r"\d+", "", news)
