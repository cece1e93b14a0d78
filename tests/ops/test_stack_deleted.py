"""A folder that was deleted with its hub running, and made anew under the same name."""

import shutil
from pathlib import Path

import asyncpg
import pytest

from ops.stack.stack import Stack

pytestmark = pytest.mark.store


async def test_a_hub_in_a_folder_of_the_same_name_begins_anew(tmp_path: Path) -> None:
    root = tmp_path / "simpul"
    old = Stack(root, usual_ports=False)
    await old.start(["postgres"])
    pid = old.processes.find("postgres")
    connection = await asyncpg.connect(old.database_dsn("intake"))
    await connection.execute("CREATE TABLE of_the_old_hub ()")
    await connection.close()
    shutil.rmtree(root)

    new = Stack(root, usual_ports=False)
    await new.start(["postgres"])
    try:
        assert new.processes.find("postgres") not in (None, pid)
        connection = await asyncpg.connect(new.dsn("intake"))
        assert await connection.fetchval("SELECT to_regclass('of_the_old_hub')") is None
        await connection.close()
    finally:
        await new.destroy()
