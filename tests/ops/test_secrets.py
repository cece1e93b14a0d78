"""What a hub in containers keeps secret: made once, each part's in a folder of its own, never changed."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from ops import hub, keyring, secrets
from ops.hub import Elsewhere, Hub
from ops.refusal import Refusal
from ops.stack import credentials, postgres
from ops.stack.credentials import BRIDGE, bridge_key, store_password_file
from ops.stack.stack import Stack
from shared.access import Access
from shared.sealing import Seal


def elsewhere(root: Path) -> Elsewhere:
    """A hub in containers, as its commands know it."""
    return Elsewhere(
        "kafka:9092", "postgres:5432", "http://{service}:8000", root / "secrets", root / "keys" / "keys.json"
    )


@pytest.fixture
def made(tmp_path: Path) -> Elsewhere:
    """Such a hub with its secrets."""
    (tmp_path / "keys").mkdir()
    here = elsewhere(tmp_path)
    assert len(secrets.make(here.secrets, here.keys_file)) == 12
    return here


def contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_nothing_that_is_there_is_changed(made: Elsewhere) -> None:
    before = contents(made.secrets.parent)
    assert secrets.make(made.secrets, made.keys_file) == []
    assert contents(made.secrets.parent) == before


def test_only_what_is_missing_is_made(made: Elsewhere) -> None:
    before = contents(made.secrets)
    lost = store_password_file(made.secrets, "routing")
    lost.unlink()
    assert secrets.make(made.secrets, made.keys_file) == ["routing/store-password"]
    changed = [path for path, content in contents(made.secrets).items() if before[path] != content]
    assert changed == [lost]


def test_no_two_parts_share_a_password(made: Elsewhere) -> None:
    found = [path.read_text() for path in made.secrets.glob("*/store-password")]
    assert len(found) == len(set(found)) == 5


def test_nobody_but_their_owner_and_his_group_reads_them(made: Elsewhere) -> None:
    for path in made.secrets.rglob("*"):
        assert path.stat().st_mode & 0o027 == 0, path


def test_services_take_them_as_they_are(made: Elsewhere) -> None:
    assert (
        Seal.from_file(made.master_key).open(Seal.from_file(made.master_key).seal(b"x", b"y"), b"y") == b"x"
    )
    assert made.admin_key()
    keys = json.loads(made.keys_file.read_text())["keys"]
    assert [(key["name"], key["role"]) for key in keys] == [("operator", "admin"), ("lapor-bridge", "bridge")]
    Access(made.keys_file)


def test_a_key_that_was_revoked_stays_so_and_lost_keys_are_made_anew(made: Elsewhere) -> None:
    with keyring.changing(made.keys_file) as entries:
        keyring.revoke(entries, BRIDGE)
    assert secrets.make(made.secrets, made.keys_file) == []
    before = bridge_key(made.secrets).read_text()
    made.keys_file.unlink()
    assert secrets.make(made.secrets, made.keys_file) == ["ops/admin.key", "lapor_bridge/intake-key"]
    assert bridge_key(made.secrets).read_text() != before
    known = json.loads(made.keys_file.read_text())["keys"]
    hashed = hashlib.sha256(bridge_key(made.secrets).read_bytes()).hexdigest()
    assert [key["sha256"] for key in known if key["role"] == "bridge"] == [hashed]


def test_the_simulator_lets_in_who_sends_what_the_bridge_sends(made: Elsewhere) -> None:
    for name in secrets.LAPOR:
        assert (made.secrets / "lapor_bridge" / name).read_text() == (
            made.secrets / "simulator" / name
        ).read_text()


def test_stores_are_opened_by_role(made: Elsewhere) -> None:
    password = store_password_file(made.secrets, "intake").read_text()
    assert made.dsn("intake") == f"postgresql://intake:{password}@postgres:5432/intake"
    assert made.database_dsn("intake").startswith("postgresql://postgres:")
    with pytest.raises(Refusal, match="secrets"):
        made.dsn("nobody")


def test_a_hub_elsewhere_is_named_by_all_its_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = {
        "SIMPUL_STORES": "postgres:5432",
        "SIMPUL_KAFKA_BOOTSTRAP": "kafka:9092",
        "SIMPUL_SERVICES": "http://{service}:8000",
        "SIMPUL_SECRETS_DIR": str(tmp_path / "secrets"),
        "SIMPUL_KEYS_FILE": str(tmp_path / "keys" / "keys.json"),
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert hub.current() == elsewhere(tmp_path)
    monkeypatch.delenv("SIMPUL_SERVICES")
    with pytest.raises(Refusal, match="SIMPUL_SERVICES"):
        hub.current()


@pytest.fixture
async def apart(tmp_path: Path) -> AsyncIterator[Stack]:
    """A PostgreSQL of its own, whose passwords may change."""
    stack = Stack(tmp_path / "apart", usual_ports=False)
    await stack.start(["postgres"])
    yield stack
    await stack.destroy()


@pytest.mark.store
async def test_a_rotated_password_opens_the_store_and_the_one_before_does_not(apart: Stack) -> None:
    before = {name: apart.database_dsn("routing", role=name) for name in ("routing", "postgres")}
    contained = Elsewhere("", before["routing"].split("@")[1].split("/")[0], "", apart.places.secrets, Path())
    for name, password in credentials.passwords(apart.places.passwords, ()).items():
        contained.keep_password(name, password)
    here: Hub = apart
    await secrets.rotate(here, ["routing", "postgres"])
    for name, address in before.items():
        assert not await postgres.answers(address), name
        assert await postgres.answers(apart.database_dsn("routing", role=name)), name
    for name, password in credentials.passwords(apart.places.passwords, ()).items():
        if name in before:
            contained.keep_password(name, password)
    here = contained
    await secrets.rotate(here, ["routing", "postgres"])
    for name in before:
        assert await postgres.answers(contained.database_dsn("routing", role=name)), name
        assert not await postgres.answers(apart.database_dsn("routing", role=name)), name


@pytest.mark.store
async def test_a_rotation_of_the_superuser_that_broke_off_is_finished_by_the_next(apart: Stack) -> None:
    apart.keep_password("postgres", "the-next-one", until_set=True)
    connection = await asyncpg.connect(apart.database_dsn("postgres"))
    await connection.execute("ALTER ROLE postgres PASSWORD 'the-next-one'")  # and then the machine died
    await connection.close()
    assert not await postgres.answers(apart.database_dsn("postgres"))
    await secrets.rotate(apart, ["intake"])
    assert await postgres.answers(apart.database_dsn("postgres"))
    assert await postgres.answers(apart.database_dsn("intake", role="intake"))
