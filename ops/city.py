"""`./simpul city`: a city's files, checked as a whole and stored as dated versions with their services."""

import argparse
import asyncio
import hashlib
import json
from collections.abc import Callable, Hashable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import yaml
from rich.console import Console
from rich.table import Table

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML built without libyaml: ten times slower, otherwise the same
    from yaml import SafeLoader  # type: ignore[assignment]

from ops.refusal import Refusal
from ops.stack.parts import CITY
from services.lapor_bridge.domain.city import parse_city as read_for_bridge
from services.routing.domain.city import DOCUMENTS as OF_ROUTING
from services.routing.domain.city import City, parse_city
from services.sla_monitor.domain.registry import read_edition
from shared import clock
from shared.contacts import DOCUMENT as CONTACTS
from shared.database import AWAY

DIRECTORY = Path(__file__).resolve().parent.parent / CITY

DOCUMENTS: Mapping[str, tuple[str, ...]] = {
    "intake": ("opds", "regions", CONTACTS),
    "routing": OF_ROUTING,
    "lapor_bridge": ("lapor", "opds", "categories", "regions", CONTACTS),
    "sla_monitor": ("sla", "holidays"),
}
"""Which files of a city each service keeps, by name without ending."""

READERS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "routing": parse_city,
    "lapor_bridge": read_for_bridge,
    "sla_monitor": read_edition,
}
"""How services read them; a reader refuses with a ValueError whose `problems` name file and field.

Intake only looks names up, in documents that routing judges.
"""


async def load(directory: Path, dsns: Mapping[str, str]) -> list[str]:
    """Check the city's files and store them with the services in `dsns` (service → DSN); a line for each.

    Nothing is stored anywhere unless all files are sound: Refusal names every problem by file and field. A
    service whose documents are what it holds already gets no new version; an older set loaded again does.
    """
    documents = read(directory)
    check(documents, directory)
    stored = await asyncio.gather(
        *(
            _store(service, dsn, {name: documents[name] for name in DOCUMENTS[service]})
            for service, dsn in dsns.items()
        )
    )
    return [
        f"{service}: version {version} {'loaded' if new else 'holds already'}"
        for service, (version, new) in zip(dsns, stored, strict=True)
    ]


def read(directory: Path) -> dict[str, Any]:
    """The city's files as JSON values, by name without ending. Refusal where one is not readable YAML."""
    wanted = sorted({name for names in DOCUMENTS.values() for name in names})
    problems = [
        f"{path.name}: not one of a city's files ({', '.join(wanted)})"
        for path in sorted(directory.glob("*.y*ml"))
        if path.stem not in wanted or path.suffix != ".yaml"
    ]
    documents: dict[str, Any] = {}
    for name in wanted:
        path = directory / f"{name}.yaml"
        try:
            text = path.read_text(encoding="utf-8")
            documents[name] = json.loads(json.dumps(yaml.load(text, _Strict), default=_plain))  # noqa: S506
        except FileNotFoundError:
            problems.append(f"{path.name}: missing")
        except (yaml.YAMLError, UnicodeDecodeError, TypeError) as unreadable:
            problems.append(f"{path.name}: {' '.join(str(unreadable).split())}")
    if problems:
        raise _refusal(directory, problems)
    return documents


def check(documents: Mapping[str, Any], directory: Path = DIRECTORY) -> None:
    """Refusal with every problem that any service has with the documents, by file and field."""
    problems: dict[str, None] = {}
    for reader in READERS.values():
        try:
            reader(documents)
        except ValueError as refused:
            problems.update(dict.fromkeys(getattr(refused, "problems", (str(refused),))))
    if problems:
        raise _refusal(directory, list(problems))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    loads = acts.add_parser("load", help="check a city's files and store them as a new version")
    loads.add_argument("directory", nargs="?", type=Path, default=DIRECTORY, help=f"default: {CITY}")
    loads.add_argument("--check", action="store_true", help="only check")
    shows = acts.add_parser("show", help="who owns what, and which versions are stored")
    shows.add_argument("directory", nargs="?", type=Path, default=DIRECTORY, help=f"default: {CITY}")
    shows.add_argument("--on", type=date.fromisoformat, help="a day, YYYY-MM-DD; default: today in Jakarta")
    shows.add_argument("--topic", help="only topics whose name holds this")


def run(args: argparse.Namespace) -> int:
    """0; a Refusal tells what is wrong with the files or that the stores are not up."""
    if args.act == "show":
        documents = read(args.directory)
        check(documents, args.directory)
        on = args.on or clock.now().astimezone(clock.JAKARTA).date()
        _show(parse_city(documents), on, args.topic or "")
        _show_versions()
    elif args.check:
        check(read(args.directory), args.directory)
        print(f"{args.directory.name}: sound")
    else:
        dsns = _dsns()
        if not dsns:
            raise Refusal("there are no stores to load the city into; start them with ./simpul up")
        try:
            print("\n".join(asyncio.run(load(args.directory, dsns))))
        except AWAY as away:
            raise Refusal(f"the stores do not answer ({away}); start them with ./simpul up") from away
    return 0


async def _store(service: str, dsn: str, documents: Mapping[str, Any]) -> tuple[int, bool]:
    """Keep the documents as the newest version, unless they are; its number, and whether it is new.

    The digest covers the version before, so that an older set can come into force again, while two loads at
    the same time make one version.
    """
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(dsn, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE city_versions IN SHARE ROW EXCLUSIVE MODE")
            newest = await connection.fetchrow(
                "SELECT version, documents FROM city_versions ORDER BY version DESC LIMIT 1"
            )
            if newest is not None and json.loads(newest["documents"]) == documents:
                return newest["version"], False
            text = json.dumps(documents, sort_keys=True, ensure_ascii=False)
            before = newest["version"] if newest is not None else 0
            version = await connection.fetchval(
                "INSERT INTO city_versions (digest, documents) VALUES ($1, $2::jsonb) RETURNING version",
                hashlib.sha256(f"{before}\n{text}".encode()).digest(),
                text,
            )
            return int(version), True
    except asyncpg.UndefinedTableError:
        raise Refusal(f"the store of {service} has no table city_versions: migrate it first") from None
    finally:
        await connection.close()


def _dsns() -> dict[str, str]:
    """The stores of the hub, or none where it was never up."""
    from ops import hub

    here = hub.current()
    return {service: here.dsn(service) for service in DOCUMENTS} if here.has_stores() else {}


def _show(city: City, on: date, wanted: str) -> None:
    table = Table(title=f"{city.name}: who owns what on {on}", title_justify="left", box=None)
    for column in ("topic", "", "owner", "sure", "otherwise"):
        table.add_column(column)
    for topic in city.topics.values():
        if wanted.lower() not in f"{topic.topic} {topic.name}".lower():
            continue
        rule = next((rule for rule in city.owners[topic.topic] if rule.holds(on)), None)
        if rule is None:
            table.add_row(topic.topic, topic.name, "nobody on this day", "", "")
            continue
        otherwise = ", ".join(f"{exception.opd} ({exception.when})" for exception in rule.exceptions)
        opd = city.opd(rule.opd, on)
        outside = " (outside the city)" if opd is not None and not opd.inside else ""
        table.add_row(topic.topic, topic.name, f"{rule.opd}{outside}", rule.certainty, otherwise)
    console = Console(highlight=False)
    console.print(table)
    unsure = sum(not opd.verified for opd in city.opds)
    kelurahan = sum(len(kecamatan.kelurahan) for kecamatan in city.kecamatan)
    console.print(
        f"\n{len(city.opds)} agencies and outside bodies ({unsure} to be verified with the city), "
        f"{len(city.kecamatan)} kecamatan, {kelurahan} kelurahan, {len(city.categories)} LAPOR categories"
    )


def _show_versions() -> None:
    try:
        lines = asyncio.run(_versions(_dsns()))
    except AWAY:
        lines = ["the stores do not answer, so what is loaded is not known"]
    print("\n".join(lines or ["nothing is loaded here yet"]))


async def _versions(dsns: Mapping[str, str]) -> list[str]:
    lines = []
    for service, dsn in dsns.items():
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(dsn, timeout=5)
        try:
            newest = await connection.fetchrow(
                "SELECT version, loaded_at FROM city_versions ORDER BY version DESC LIMIT 1"
            )
        finally:
            await connection.close()
        when = newest["loaded_at"].astimezone(clock.JAKARTA) if newest else None
        told = (
            f"version {newest['version']}, loaded {when:%Y-%m-%d %H:%M} WIB" if newest and when else "nothing"
        )
        lines.append(f"{service}: {told}")
    return lines


def _refusal(directory: Path, problems: list[str]) -> Refusal:
    many = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
    return Refusal("\n  ".join([f"the city's files in {directory.name}/ have {many}:", *problems]))


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a city's file")


class _Strict(SafeLoader):
    """YAML, but a field that stands twice is refused: the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                where = key.start_mark
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} stands twice", where)
            seen.add(name)
        return super().construct_mapping(node, deep)
