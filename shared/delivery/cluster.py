"""The cluster a store belongs to: no connection to another hub's Kafka, whatever its address says.

A broker that went away may be followed by somebody else's at the same host and port. A consumer that reconnected
there would fold another hub's records, and a relay would publish into it (both seen, with two local hubs). So
every new connection is asked which cluster it leads to before anything else goes over it.
"""

from datetime import datetime
from typing import Any

import structlog
from aiokafka import client
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from shared.database import Connection

log = structlog.get_logger(__name__)

_connect = client.create_conn
_own: str | None = None
_adopted_at: datetime | None = None


async def adopt(connection: Connection, found: str) -> str | None:
    """Bind this store, and from now on this process, to its cluster; the store's first start chooses it.

    `found` is the cluster that answers at the configured address. The store's own where that is another one,
    None where all is well.
    """
    await connection.execute("INSERT INTO delivery.cluster (id) VALUES ($1) ON CONFLICT DO NOTHING", found)
    row = await connection.fetchrow("SELECT id, adopted_at FROM delivery.cluster")
    assert row is not None
    if row["id"] != found:
        return str(row["id"])
    global _own, _adopted_at
    _own, _adopted_at = found, row["adopted_at"]
    return None


async def has_moved(connection: Connection) -> bool:
    """Whether an operator has bound this store to another Kafka since this process began.

    A client that goes on would bring its offsets and producer ids to a cluster that never gave them out (and that
    may have the old one's id), so the process has to begin anew.
    """
    moved: bool = await connection.fetchval(
        "SELECT (id, adopted_at) IS DISTINCT FROM ($1::text, $2::timestamptz) FROM delivery.cluster",
        _own,
        _adopted_at,
    )
    return _own is not None and moved


async def _connect_to_own(*args: Any, **options: Any) -> AIOKafkaConnection:
    """aiokafka's connection, if it leads to our cluster. Raises KafkaConnectionError where it does not."""
    made = await _connect(*args, **options)
    if _own is None:
        return made
    answer = await made.send(MetadataRequest([]))
    if answer.cluster_id != _own:
        made.close()
        log.error("another hub's Kafka answers at our broker's address", own=_own, found=answer.cluster_id)
        raise KafkaConnectionError("this broker belongs to another cluster")
    return made


client.create_conn = _connect_to_own
"""aiokafka has no hook for it: its client looks the function up in its own module."""
