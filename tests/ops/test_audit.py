"""What `./simpul audit` finds, in real stores."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from ops import audit
from ops.refusal import Refusal
from ops.stack.stack import Stack
from shared.access import Caller
from shared.audit import Operator, Who, note
from shared.database import migrate

pytestmark = pytest.mark.store

NOON = datetime(2026, 11, 24, 5, tzinfo=UTC)
COMPLAINT = uuid4()
VERIFIER, ADMIN = Caller("sari", "verifier", None), Caller("budi", "admin", None)


@pytest.fixture(scope="module")
async def stores(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Two stores with a few acts in them."""
    stack = Stack(tmp_path_factory.mktemp("stack"), usual_ports=False)
    await stack.start(["postgres"])
    acts: dict[str, list[tuple[Who, str, UUID | None, int]]] = {
        "intake": [(VERIFIER, "read reporter", COMPLAINT, 0), (ADMIN, "erase", COMPLAINT, 3)],
        "routing": [(VERIFIER, "route", COMPLAINT, 1), (Operator("sari"), "resume", None, 2)],
    }
    for service, done in acts.items():
        await migrate(stack.database_dsn(service), service)
        connection = await asyncpg.connect(stack.dsn(service))
        for who, act, complaint, hours in done:
            await note(connection, who, act, complaint, NOON + timedelta(hours=hours))
        await connection.close()
    yield stack
    await stack.destroy()


async def told(stack: Stack, **wanted: object) -> list[str]:
    acts = await audit.find(stack, ["intake", "routing"], **wanted)  # type: ignore[arg-type]
    return [f"{act.service}: {act.name} {act.act}" for act in acts]


async def test_what_was_done_everywhere_is_told_in_its_order(stores: Stack) -> None:
    assert await told(stores) == [
        "intake: sari read reporter",
        "routing: sari route",
        "routing: sari resume",
        "intake: budi erase",
    ]
    assert await told(stores, last=1) == ["intake: budi erase"]


async def test_what_one_person_did(stores: Stack) -> None:
    assert await told(stores, by="budi") == ["intake: budi erase"]


async def test_what_was_done_with_one_complaint(stores: Stack) -> None:
    connection = await asyncpg.connect(stores.database_dsn("intake"))
    columns = await connection.fetch(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'complaints'"
        " AND table_schema = 'public' AND is_nullable = 'NO'"
    )
    values = {"uuid": "gen_random_uuid()", "text": "'x'", "bytea": "''", "boolean": "true", "jsonb": "'[]'"}
    values |= {"timestamp with time zone": "now()", "bigint": "0"}
    row = {name: values[kind] for name, kind in columns}
    row |= {"complaint_id": f"'{COMPLAINT}'", "ticket": "'0123456789A'"}
    await connection.execute(f"INSERT INTO complaints ({', '.join(row)}) VALUES ({', '.join(row.values())})")
    await connection.close()
    assert await told(stores, ticket="01234-56789-a") == [
        "intake: sari read reporter",
        "routing: sari route",
        "intake: budi erase",
    ]
    with pytest.raises(Refusal, match="no complaint has the ticket"):
        await told(stores, ticket="00000000000")
