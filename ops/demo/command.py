"""`./simpul demo`: the whole hub on a sample, act by act; then what became of it, and whether it adds up."""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple

from rich.console import Console

from ops.console import Steps
from ops.demo import acts, scene, telling
from ops.demo.acts import Play
from ops.demo.doors import Doors
from ops.demo.evidence import Evidence, gather
from ops.demo.glance import glance
from ops.demo.keeping import Keeper
from ops.demo.policy import forwards, silent_templates
from ops.demo.resting import AWAY, CALM, Rest
from ops.demo.scene import Note
from ops.demo.screen import Screen
from ops.demo.script import LIVE, write
from ops.demo.story import Story, tell
from ops.demo.summary import Summary, summarise
from ops.demo.sums.check import Check
from ops.demo.sums.every import check_all
from ops.demo.sums.hub import Answers
from ops.refusal import Refusal
from ops.stack import roots
from ops.stack.stack import Stack
from shared import clock
from simulators.complaints.writing import phrases

FEWEST = 300
SEED = 1571
REPORTS = 320

ABOUT = """\
This is Simpul, a hub for citizens' complaints, at work on a sample: {reports} synthetic reports in a simulated
SP4N-LAPOR (Indonesia's national complaint system), and {live} complaints that come in while you watch.
Nobody's words or data are in it. It takes about a minute.
"""


class Outcome(NamedTuple):
    """What a demo comes to. `returned`: parts that were gone, and how often they came back."""

    summary: Summary
    story: Story
    checks: Sequence[Check]
    returned: dict[str, int]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for machines: all numbers and checks on stdout")
    parser.add_argument("--keep", action="store_true", help="leave the hub running, with its data")
    parser.add_argument("--seed", type=int, default=SEED, help=f"another sample ({SEED})")
    parser.add_argument(
        "--reports",
        type=int,
        default=REPORTS,
        metavar="N",
        help=f"reports in LAPOR, at least {FEWEST} ({REPORTS})",
    )
    parser.add_argument(
        "--anew", action="store_true", help="begin again where an unfinished demo would go on"
    )


def run(args: argparse.Namespace) -> int:
    """0 if everything adds up, else 1."""
    if not FEWEST <= args.reports <= 20_000:
        raise Refusal(f"--reports takes {FEWEST} to 20000")
    if not 0 <= args.seed < 2**31:
        raise Refusal("--seed takes a number from 0 to 2147483647")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a killed broker is no news here
    with scene.only_demo():
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    began = time.monotonic()
    print(ABOUT.format(reports=args.reports, live=LIVE), file=sys.stderr, flush=True)
    screen = Screen()
    try:
        stack, note, told = asyncio.run(scene.begin(Steps(), args.seed, args.reports, anew=args.anew))
        print(told, file=sys.stderr, flush=True)
        screen.did(
            "a hub of its own is up: Kafka, PostgreSQL, four services, and a simulated SP4N-LAPOR",
            time.monotonic() - began,
        )
        with screen.shown():
            outcome = asyncio.run(_play(stack, note, screen))
    except BaseException:
        _leave(keep=args.keep)
        raise
    seconds = time.monotonic() - began
    _tell(outcome, args, seconds)
    _end(stack, note, outcome, keep=args.keep, quiet=args.json)
    return 0 if outcome.ok else 1


async def _play(stack: Stack, note: Note, screen: Screen) -> Outcome:
    """All acts, as far as they are not done yet; then the counting."""
    keys = scene.keys_of_the_cast(stack)
    keeper = Keeper(stack, screen.note)
    script = write(note.seed, note.began)
    async with (
        Doors(stack, keys) as doors,
        Rest(stack, doors) as rest,
        _beside(keeper.watch(), _numbers(stack, screen)),
    ):
        play = Play(note, script, doors, rest)
        if "past" not in note.done:
            with screen.act(
                "LAPOR's past comes in: older reports by its Excel export, newer ones by its API"
            ) as told:
                note = dataclasses.replace(note, by_export=await acts.lapors_past(play, told))
                note = _noted(stack, note.after("past"))
        with screen.act(
            "citizens complain: by app, web, WhatsApp, call centre 112, counter, letter, the media"
        ) as told:
            answers: Answers = await acts.citizens_complain(play, told)
            await rest.until_done(told=told)
        for name, title, act in _ACTS:
            if name not in note.done:
                with screen.act(title) as told:
                    await act(play, told)
                    await rest.until_done(told=told)
                    note = _noted(stack, note.after(name))
        with screen.act("deadlines that passed long ago are told; the hub comes to rest") as told:
            await rest.until_done(CALM, told)
            screen.numbers(await glance(stack))
        with screen.act("counting: the topics, the four stores and LAPOR's ledger are read") as told:
            evidence = await _counted(stack, doors, rest, told)
        checks = check_all(evidence, answers, forwards, phrases()["asks"], clock.now())
        return Outcome(
            summarise(evidence, answers, note.by_export),
            tell(evidence, str(play.hero)),
            checks,
            dict(keeper.returned),
        )


_ACTS: Sequence[tuple[str, str, Callable[[Play, Callable[[str], None]], Awaitable[None]]]] = (
    ("city", "the city works: OPDs (agencies) answer and ask, a verifier decides", acts.the_city_works),
    ("lapor", "LAPOR's people work: they dispose, answer, reply, close", acts.lapor_works),
    ("again", "the city answers those who replied", acts.the_city_answers_again),
    ("close", "in LAPOR a content reporter closes", acts.reporters_close),
)


async def _counted(stack: Stack, doors: Doors, rest: Rest, told: Callable[[str], None]) -> Evidence:
    """The evidence; read again from the beginning where something went away in the midst of it."""
    while True:
        try:
            async with asyncio.timeout(60):
                return await gather(stack, doors, silent_templates())
        except AWAY as away:
            told(f"something is away ({type(away).__name__}); once more")
        await rest.until_done(CALM, told)


def _noted(stack: Stack, note: Note) -> Note:
    scene.keep_note(stack.places.root, note)
    return note


@contextlib.asynccontextmanager
async def _beside(*work: Awaitable[None]) -> AsyncIterator[None]:
    """Meanwhile this goes on; what breaks in it breaks the demo."""
    mine = asyncio.current_task()
    assert mine is not None
    tasks = [asyncio.ensure_future(one) for one in work]

    def stop(task: asyncio.Future[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            mine.cancel()

    for task in tasks:
        task.add_done_callback(stop)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        broken = [one for one in ended if isinstance(one, Exception)]
        if broken:
            raise broken[0]


async def _numbers(stack: Stack, screen: Screen) -> None:
    while True:
        screen.numbers(await glance(stack))
        await asyncio.sleep(0.5)


def _tell(outcome: Outcome, args: argparse.Namespace, seconds: float) -> None:
    if args.json:
        facts = {
            "ok": outcome.ok,
            "seconds": round(seconds, 1),
            "seed": args.seed,
            "reports": args.reports,
            "returned": outcome.returned,
            "summary": outcome.summary.as_json(),
            "story": outcome.story.as_json(),
            "checks": [{**dataclasses.asdict(check), "ok": check.ok} for check in outcome.checks],
        }
        print(json.dumps(facts, indent=2, ensure_ascii=False), flush=True)
        return
    console = Console(highlight=False)
    telling.show_story(console, outcome.story)
    telling.show_summary(console, outcome.summary)
    telling.show_checks(console, outcome.checks)
    for part, times in outcome.returned.items():
        console.print(f"{part} was gone and came back{f' {times} times' if times > 1 else ''}.")
    console.print(f"It took {seconds:.0f} s.")


def _end(stack: Stack, note: Note, outcome: Outcome, *, keep: bool, quiet: bool) -> None:
    """Put it away; what does not add up, or is to be kept, stays to be looked at."""
    scene.keep_note(stack.places.root, dataclasses.replace(note, finished=True))
    if keep:
        words = (
            f"The hub runs on. A citizen's page of that complaint:\n"
            f"  {stack.url('intake')}/v1/complaints/{outcome.story.ticket}\n"
            f"Addresses and health: ./simpul status; keys: {stack.places.secrets / 'demo-keys.json'};"
            f" ./simpul down stops it."
        )
    elif outcome.ok:
        asyncio.run(scene.put_away(stack))
        words = "The demo's hub is stopped and put away; --keep would have left it running."
    else:
        asyncio.run(scene.lay_down(stack))
        root = stack.places.root
        name = "" if roots.current() == root else f"SIMPUL_ROOT={root} "
        words = f"The hub is stopped, its data stay to be looked at: {name}./simpul up brings it back."
    print(words, file=sys.stderr if quiet else sys.stdout, flush=True)


def _leave(*, keep: bool) -> None:
    """It broke off: stop what runs, keep what is stored."""
    if keep:
        return
    with contextlib.suppress(Refusal):
        asyncio.run(scene.lay_down(scene.left_here()))
    print("Broken off. ./simpul demo goes on with it, --anew begins again.", file=sys.stderr, flush=True)
