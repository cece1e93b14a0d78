"""A city's files, checked as a whole and kept as versions in real stores."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from ops.city import DIRECTORY, DOCUMENTS, check, load, read
from ops.refusal import Refusal
from ops.stack.stack import Stack

TABLE = """
CREATE TABLE city_versions (version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    loaded_at timestamptz NOT NULL DEFAULT now(), digest bytea NOT NULL UNIQUE, documents jsonb NOT NULL);
"""


@pytest.fixture(scope="module")
async def stores(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, str]]:
    """A database for each service that holds a city, with the table that its migration makes."""
    stack = Stack(tmp_path_factory.mktemp("stack"), usual_ports=False)
    await stack.start(["postgres"])
    for service in DOCUMENTS:
        await stack.make_database(f"city_{service}", service)
    made = {service: stack.database_dsn(f"city_{service}") for service in DOCUMENTS}
    for dsn in made.values():
        await _run(dsn, TABLE)
    yield made
    await stack.destroy()


@pytest.fixture
async def dsns(stores: dict[str, str]) -> dict[str, str]:
    for dsn in stores.values():
        await _run(dsn, "TRUNCATE city_versions RESTART IDENTITY")
    return stores


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return shutil.copytree(DIRECTORY, tmp_path / "contoh")


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


async def _run(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _versions(dsn: str) -> list[dict[str, object]]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT documents FROM city_versions ORDER BY version")
    finally:
        await connection.close()
    return [json.loads(row["documents"]) for row in rows]


def test_the_files_of_kota_jambi_are_sound() -> None:
    check(read(DIRECTORY))


@pytest.mark.store
async def test_every_service_gets_its_own_documents_and_no_other(dsns: dict[str, str]) -> None:
    told = await load(DIRECTORY, dsns)
    assert told == [f"{service}: version 1 loaded" for service in dsns]
    for service, dsn in dsns.items():
        (documents,) = await _versions(dsn)
        assert set(documents) == set(DOCUMENTS[service])


@pytest.mark.store
async def test_loading_the_same_twice_makes_no_new_version(dsns: dict[str, str]) -> None:
    await load(DIRECTORY, dsns)
    assert await load(DIRECTORY, dsns) == [f"{service}: version 1 holds already" for service in dsns]
    assert [len(await _versions(dsn)) for dsn in dsns.values()] == [1] * len(dsns)


@pytest.mark.store
async def test_a_change_is_a_version_only_where_it_is_read(dsns: dict[str, str], files: Path) -> None:
    await load(DIRECTORY, dsns)
    _edit(files / "sla.yaml", "verify: {days: 3", "verify: {days: 4")
    told = await load(files, dsns)
    assert "sla_monitor: version 2 loaded" in told
    assert "routing: version 1 holds already" in told


@pytest.mark.store
async def test_an_older_set_of_files_can_come_into_force_again(dsns: dict[str, str], files: Path) -> None:
    _edit(files / "sla.yaml", "verify: {days: 3", "verify: {days: 4")
    await load(DIRECTORY, dsns)
    await load(files, dsns)
    assert "sla_monitor: version 3 loaded" in await load(DIRECTORY, dsns)
    first, second, third = await _versions(dsns["sla_monitor"])
    assert first == third != second


@pytest.mark.store
async def test_two_loads_at_once_make_one_version(dsns: dict[str, str]) -> None:
    await asyncio.gather(load(DIRECTORY, dsns), load(DIRECTORY, dsns), load(DIRECTORY, dsns))
    assert [len(await _versions(dsn)) for dsn in dsns.values()] == [1] * len(dsns)


@pytest.mark.store
async def test_one_bad_file_leaves_every_store_as_it_was(dsns: dict[str, str], files: Path) -> None:
    _edit(files / "holidays.yaml", "decreed_through: 2027", "decreed_through: soon")
    with pytest.raises(Refusal, match=r"holidays\.yaml: decreed_through"):
        await load(files, dsns)
    assert [await _versions(dsn) for dsn in dsns.values()] == [[]] * len(dsns)


@pytest.mark.store
async def test_a_store_that_was_not_migrated_is_named(dsns: dict[str, str]) -> None:
    await _run(dsns["routing"], "ALTER TABLE city_versions RENAME TO elsewhere")
    try:
        with pytest.raises(Refusal, match="the store of routing has no table city_versions"):
            await load(DIRECTORY, {"routing": dsns["routing"]})
    finally:
        await _run(dsns["routing"], "ALTER TABLE elsewhere RENAME TO city_versions")


def test_every_problem_of_every_file_is_told_at_once(files: Path) -> None:
    _edit(files / "opds.yaml", "parent: PEMKOT", "parent: SIAPA")
    _edit(files / "sla.yaml", "unit: working", "unit: lunar")
    _edit(files / "lapor.yaml", "city: {opd: PEMKOT", "city: {opd: SIAPA")
    with pytest.raises(Refusal) as refused:
        check(read(files), files)
    told = str(refused.value)
    assert "contoh/ have" in told
    for expected in ("opds.yaml: opds[1].parent", "sla.yaml: policies", "lapor.yaml: city.opd"):
        assert expected in told


def test_a_field_that_stands_twice_is_refused_with_its_line(files: Path) -> None:
    _edit(files / "sla.yaml", "    day_ends:", "    valid_from: 2020-01-01\n    day_ends:")
    with pytest.raises(Refusal, match=r"sla\.yaml: 'valid_from' stands twice .* line \d+"):
        read(files)


def test_missing_unreadable_and_foreign_files_are_named(files: Path) -> None:
    (files / "regions.yaml").unlink()
    (files / "lapor.yaml").write_text("account: [", encoding="utf-8")
    (files / "topics.yaml").write_text("{}", encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        read(files)
    told = str(refused.value)
    for expected in ("regions.yaml: missing", "lapor.yaml: ", "topics.yaml: not one of a city's files"):
        assert expected in told
