"""What the city's own file says about the exchange with LAPOR, read apart from the bridge that obeys it."""

from functools import cache
from typing import Any

import yaml

from ops.stack.parts import CITY
from ops.stack.roots import CLONE


@cache
def _exchange() -> dict[str, Any]:
    text = (CLONE / CITY / "lapor.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def forwards(channel: str, klasifikasi: str | None) -> bool:
    """Whether such a complaint goes to LAPOR: the first row that covers it decides."""
    exchange = _exchange()
    for row in exchange["forward"]:
        if channel in row.get("channels", [channel]) and klasifikasi in row.get("klasifikasi", [klasifikasi]):
            return bool(row["forward"])
    return bool(exchange["otherwise"])


def silent_templates() -> frozenset[str]:
    """Codes of follow-ups that are LAPOR's own bookkeeping, nobody's words."""
    return frozenset(_exchange()["silent_templates"])
