"""What is told at the end: tables of what became of everything, one complaint's whole way, and whether it adds up."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.demo.story import Story
from ops.demo.summary import Summary
from ops.demo.sums.check import Check
from shared.clock import JAKARTA

CHANNELS = {
    "lapor": "SP4N-LAPOR, the national system",
    "app": "the city's app SIKESAL",
    "web": "the city's website",
    "whatsapp": "WhatsApp",
    "call_center_112": "call centre 112",
    "counter": "a counter (loket)",
    "letter": "a letter",
    "social_media": "social media",
    "mass_media": "mass media",
}

BINDS = {
    "verify": "the city looks at it and hands it on: 3 working days",
    "first_response": "the OPD gives a first sign to the citizen: 5 working days",
    "resolution": "an answer to the citizen: 5, 14 or 60 working days, by kind",
    "silence": "the reporter says whether it is well: 10 working days, else it is closed",
    "completion": "the reporter tells what is missing: 10 days, else it is archived",
}

STATES = {
    "triage": "wait for a verifier",
    "routed": "handed to an OPD",
    "in_work": "in work",
    "asked": "wait for the reporter's details",
    "answered": "answered",
    "closed": "closed",
    "rejected": "rejected",
}


def show_summary(console: Console, summary: Summary) -> None:
    """The tables."""
    _heading(console, "What became of everything")
    total = sum(summary.received.values())
    console.print(f"{total} complaints were taken in, each once, and each has a ticket:")
    _pairs(console, {CHANNELS.get(name, name): count for name, count in summary.received.items()})
    console.print(
        f"{summary.repeats} submissions were repeats: known again, the same ticket, nothing doubled."
    )
    console.print(f"{sum(summary.refused.values())} were refused, with the reason told to the sender:")
    _pairs(console, summary.refused)
    console.print("By now they are:")
    _pairs(console, {STATES.get(name, name): count for name, count in summary.states.items()})

    _heading(console, "Which OPD (city agency) had to answer")
    told = ", ".join(f"{count} {by}" for by, count in summary.routed_by.items())
    console.print(f"Dispositions (disposisi: a complaint is handed to an OPD): {told}.")
    _table(console, "OPD", summary.opds, limit=12)
    console.print("Where the rules were not sure, a verifier decided (triage):")
    _pairs(console, summary.triage)

    _heading(console, "In step with SP4N-LAPOR")
    console.print("From LAPOR to the hub:")
    _pairs(console, summary.to_the_hub)
    console.print("From the hub to LAPOR:")
    _pairs(console, summary.to_lapor)

    _heading(console, "Deadlines, in working days with holidays and collective leave (cuti bersama)")
    _table(console, "clock", summary.clocks)
    console.print()
    for name in summary.clocks:
        console.print(f"{name}: {BINDS[name]}")
    console.print(
        "warned: soon due. breached: the city or an OPD missed it. lapsed: the reporter let it pass, so routing"
        " closed the case. unseen: over before the hub saw it, as most old reports of LAPOR were; nobody is judged."
    )


def show_story(console: Console, story: Story) -> None:
    """One complaint, from the first word to the last."""
    _heading(console, f"One complaint's whole way: ticket {story.ticket}, LAPOR report {story.lapor_id}")
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in ("time", "who", "what"):
        table.add_column(column, no_wrap=column != "what")
    for line in story.lines:
        words = Text(line.words)
        if line.quote:
            words.append(f"\n“{line.quote}”", style="italic")
        table.add_row(f"{line.at.astimezone(JAKARTA):%H:%M:%S}", line.who, words)
    console.print(table)
    console.print("Times are Jambi's own (WIB, UTC+7).", style="dim")
    console.print("\nWhy the rules chose that OPD, as its officials read it:")
    for reason in story.trace:
        console.print(f"  {reason}", style="italic")


def show_checks(console: Console, checks: Sequence[Check]) -> None:
    """Whether it adds up; every check by name, what does not fit with what was expected and found."""
    wrong = [check for check in checks if not check.ok]
    _heading(console, "Do the sums add up?")
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in ("", "check", "expected", "found"):
        table.add_column(column, justify="right" if column in ("expected", "found") else "left")
    for check in checks:
        mark = Text("✓", style="green") if check.ok else Text("✗", style="bold red")
        table.add_row(mark, check.name, str(check.expected), str(check.found))
        for odd in check.odd:
            table.add_row("", Text(f"  {odd}", style="red"), "", "")
    console.print(table)
    if wrong:
        console.print(f"\n{len(wrong)} of {len(checks)} checks do NOT add up.", style="bold red")
    else:
        console.print(f"\nAll {len(checks)} checks add up.", style="bold green")


def _heading(console: Console, words: str) -> None:
    console.print()
    console.rule(Text(words, style="bold"), align="left")


def _pairs(console: Console, counts: Mapping[str, int]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold", min_width=6)
    for name, count in counts.items():
        table.add_row(str(count), name)
    console.print(table)


def _table(
    console: Console, first: str, rows: Mapping[str, Mapping[str, int]], limit: int | None = None
) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column(first)
    for column in _columns(rows.values()):
        table.add_column(column, justify="right")
    for name, row in list(rows.items())[:limit]:
        table.add_row(name, *(str(count or "·") for count in row.values()))
    console.print(table)
    if limit is not None and len(rows) > limit:
        console.print(f"and {len(rows) - limit} more")


def _columns(rows: Iterable[Mapping[str, int]]) -> Iterable[str]:
    return next(iter(rows), {})
