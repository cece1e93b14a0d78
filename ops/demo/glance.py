"""A glance at the hub while it works: a few numbers out of each service's own store."""

import asyncio
from collections.abc import Mapping

from ops.demo.resting import AWAY, rows
from ops.stack.stack import Stack

_QUERIES: Mapping[str, str] = {
    "intake": "SELECT count(*) AS received FROM complaints",
    "routing": """
        SELECT count(*) FILTER (WHERE state IN ('routed', 'in_work', 'asked')) AS "with an OPD",
            count(*) FILTER (WHERE state = 'triage') AS "in triage",
            count(*) FILTER (WHERE state = 'answered') AS answered,
            count(*) FILTER (WHERE state IN ('closed', 'rejected')) AS ended
        FROM cases""",
    "lapor_bridge": """
        SELECT count(*) FILTER (WHERE linked AND origin = 'lapor') AS "from LAPOR",
            count(*) FILTER (WHERE linked AND origin = 'hub') AS "sent to LAPOR"
        FROM links""",
    "sla_monitor": """
        SELECT count(*) FILTER (WHERE c ->> 'status' IN ('running', 'paused', 'breached')) AS "clocks running",
            count(*) FILTER (WHERE c ->> 'warned_at' IS NOT NULL) AS warned,
            count(*) FILTER (WHERE c ->> 'breached_at' IS NOT NULL AND c ->> 'status' <> 'lapsed') AS breached,
            count(*) FILTER (WHERE c ->> 'status' = 'lapsed') AS lapsed
        FROM complaints, jsonb_array_elements(stated -> 'clocks') AS c""",
}


async def glance(stack: Stack) -> dict[str, dict[str, int]]:
    """Numbers by service; a service whose store is away is left out."""
    seen = await asyncio.gather(
        *(_look(stack.dsn(service), query) for service, query in _QUERIES.items()), return_exceptions=False
    )
    return {service: numbers for service, numbers in zip(_QUERIES, seen, strict=True) if numbers}


async def _look(dsn: str, query: str) -> dict[str, int]:
    try:
        return {name: int(number) for name, number in (await rows(dsn, query))[0].items()}
    except AWAY:
        return {}
