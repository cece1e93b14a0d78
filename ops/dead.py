"""`./simpul dead`: dead letters, parked complaints, gaps and stopped consumers, and what mends them."""

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

import asyncpg
from rich.table import Table

from ops import hub
from ops.console import show_table
from ops.hub import Hub, store
from ops.refusal import Refusal
from ops.stack.parts import SERVICES
from shared import audit, clock
from shared.decision import Refused
from shared.delivery import editing, operators
from shared.events.parts import FieldError
from shared.sealing import Seal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)

    listing = acts.add_parser("list", help="what is dead, parked or stopped, in every service or in one")
    listing.add_argument("--service", choices=SERVICES)
    listing.add_argument("--all", action="store_true", help="those that were worked already too")
    listing.add_argument("--json", action="store_true", help="for machines")

    show = acts.add_parser("show", help="one dead letter: its headers and the shape of its value")
    _names(show, "letter")

    edit = acts.add_parser(
        "edit", help="change a dead letter, which keeps its id and number; then release it"
    )
    _names(edit, "letter")
    new = edit.add_mutually_exclusive_group()
    new.add_argument(
        "--value-file", type=Path, metavar="FILE", help="the whole new value; - reads it from here"
    )
    new.add_argument(
        "--patch-file",
        type=Path,
        metavar="FILE",
        help="only the fields that are wrong, as a JSON object; - reads it from here",
    )
    edit.add_argument(
        "--header", action="append", default=[], metavar="NAME=VALUE", help="a new header; NAME= removes it"
    )
    _signed(edit)

    release = acts.add_parser("release", help="have dead letters worked again, in order, after a mend")
    release.add_argument("service", choices=SERVICES)
    release.add_argument("letters", nargs="*", type=int, metavar="ID", help="none: all of the service")
    release.add_argument("--key", type=UUID, help="all letters of one complaint")
    _signed(release)

    discard = acts.add_parser("discard", help="give a dead letter up; what waits behind it goes on")
    _names(discard, "letter")
    _signed(discard)

    gap = acts.add_parser("accept-gap", help="give up numbers that will never come")
    gap.add_argument("service", choices=SERVICES)
    gap.add_argument("key", type=UUID, help="the complaint")
    gap.add_argument("topic")
    _signed(gap)

    resume = acts.add_parser("resume", help="let a consumer that stopped itself go on")
    resume.add_argument("service", choices=SERVICES)
    _signed(resume)


def _names(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument(what, type=int, metavar="ID")


def _signed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, help="why, for those who read the record later")
    parser.add_argument("--author", default=getpass.getuser(), help="who does it (else: you)")


def run(args: argparse.Namespace) -> int:
    acts: dict[str, Callable[[Hub, argparse.Namespace], Awaitable[None]]] = {
        "list": _list,
        "show": _show,
        "edit": _edit,
        "release": _release,
        "discard": _discard,
        "accept-gap": _accept_gap,
        "resume": _resume,
    }
    here = hub.current()
    try:
        asyncio.run(acts[args.act](here, args))  # type: ignore[arg-type]
    except operators.NotThere as nothing:
        raise Refusal(str(nothing)) from None
    except Refused as refused:
        raise Refusal("\n".join(f"{error.field}: {error.reason}" for error in refused.errors)) from None
    except (OSError, asyncpg.PostgresError) as away:
        raise Refusal(f"the store does not answer ({type(away).__name__}); is it up? {here.way_up}") from None
    return 0


async def _list(here: Hub, args: argparse.Namespace) -> None:
    found: dict[str, dict[str, object]] = {}
    for service in [args.service] if args.service else SERVICES:
        async with store(here, service) as connection:
            found[service] = {
                "stopped": await connection.fetchval("SELECT reason FROM delivery.stops"),
                "letters": await operators.dead_letters(connection, every=args.all),
                "parked": await operators.parked(connection),
            }
    if args.json:
        print(json.dumps(found, default=_plain, indent=2))
    else:
        _print(found)


def _print(found: dict[str, dict[str, object]]) -> None:
    letters, parked = Table(box=None, pad_edge=False), Table(box=None, pad_edge=False)
    for column in ("service", "id", "topic", "place", "complaint", "number", "status", "tries", "reason"):
        letters.add_column(column)
    for column in ("service", "complaint", "topic", "cause", "since", "waiting"):
        parked.add_column(column)
    for service, what in found.items():
        if what["stopped"]:
            print(f"{service} stopped itself: {what['stopped']}")
        for letter in what["letters"]:  # type: ignore[attr-defined]
            place = f"{letter.partition}/{letter.offset}"
            number = str(letter.sequence % 10**12) if letter.sequence else "–"
            letters.add_row(
                service, str(letter.id), letter.topic, place, str(letter.key or "–"), number, letter.status,
                str(letter.attempts), letter.reason,
            )  # fmt: skip
        for key, topic, cause, since, waiting in what["parked"]:  # type: ignore[attr-defined]
            parked.add_row(service, str(key), topic, cause, f"{since:%Y-%m-%d %H:%M}", str(waiting))
    for table, nothing in ((letters, "no dead letters"), (parked, "nothing is parked")):
        if table.row_count:
            show_table(table)
        else:
            print(nothing)


async def _show(here: Hub, args: argparse.Namespace) -> None:
    async with store(here, args.service) as connection:
        letter = await operators.dead_letter(connection, args.letter)
        headers = await operators.headers(connection, args.letter)
        try:
            shape = asdict(editing.shape(await editing.opened(connection, args.letter, _seals(here))))
        except LookupError as sealed:
            shape = {"sealed": str(sealed)}
    print(json.dumps({**asdict(letter), "headers": headers, "value": shape}, default=_plain, indent=2))


def _seals(here: Hub) -> editing.Seals:
    """Dead letters of topics with personal data are sealed by the master key, where this command can read it."""
    found: list[Seal] = []

    def seal(_: str) -> Seal | None:
        if not found and here.master_key.exists():
            found.append(Seal.from_file(here.master_key))
        return found[0] if found else None

    return seal


async def _edit(here: Hub, args: argparse.Namespace) -> None:
    headers = dict(one.partition("=")[::2] for one in args.header)
    if not (args.value_file or args.patch_file or headers):
        raise Refusal("nothing to change: give --value-file, --patch-file or --header")
    change = editing.Change(
        value=_content(args.value_file) if args.value_file else None,
        patch=_patch(_content(args.patch_file)) if args.patch_file else None,
        headers={name: value or None for name, value in headers.items()},
    )
    async with store(here, args.service) as connection:
        try:
            await editing.edit(
                connection,
                args.letter,
                change,
                _seals(here),
                audit.Operator(args.author),
                args.reason,
                clock.now(),
            )
        except operators.NotThere:
            raise
        except LookupError as sealed:
            raise Refusal(f"{sealed}; {here.master_key} is not there") from None
    print(
        f"dead letter {args.letter} is changed; what it was is kept. Work it again:"
        f" ./simpul dead release {args.service} {args.letter} --reason …"
    )


def _content(file: Path) -> bytes:
    return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()


def _patch(content: bytes) -> dict[str, object]:
    try:
        patch = json.loads(content)
    except ValueError:
        raise Refusal("the patch is not JSON") from None
    if not isinstance(patch, dict):
        raise Refusal("the patch is no JSON object")
    return patch


async def _release(here: Hub, args: argparse.Namespace) -> None:
    async with store(here, args.service) as connection:
        open_now = [
            letter
            for letter in await operators.dead_letters(connection)
            if letter.status == "open"
            and (not args.letters or letter.id in args.letters)
            and (args.key is None or letter.key == args.key)
        ]
        count = await operators.release(
            connection,
            [letter.id for letter in open_now],
            audit.Operator(args.author),
            args.reason,
            clock.now(),
        )
    print(f"{count} dead letters are being worked again; ./simpul dead list shows what comes of it")


async def _discard(here: Hub, args: argparse.Namespace) -> None:
    async with store(here, args.service) as connection:
        await operators.discard(
            connection, args.letter, audit.Operator(args.author), args.reason, clock.now()
        )
    print(f"dead letter {args.letter} is given up; what waited behind it goes on")


async def _accept_gap(here: Hub, args: argparse.Namespace) -> None:
    async with store(here, args.service) as connection:
        await operators.accept_gap(
            connection, args.key, args.topic, audit.Operator(args.author), args.reason, clock.now()
        )
    print("the gap is accepted; what waited behind it goes on")


async def _resume(here: Hub, args: argparse.Namespace) -> None:
    async with store(here, args.service) as connection:
        reason = await operators.resume(connection, audit.Operator(args.author), args.reason, clock.now())
    print(f"{args.service} goes on; it had stopped because {reason}")


def _plain(value: object) -> object:
    if isinstance(value, operators.DeadLetter | FieldError):
        return asdict(value) if isinstance(value, operators.DeadLetter) else value.model_dump()
    return str(value)
