"""What the city's own files say of LAPOR and of whom it can address, read apart from the services that obey them."""

from functools import cache
from typing import Any

import yaml

from ops.stack.parts import CITY
from ops.stack.roots import CLONE


@cache
def _document(name: str) -> dict[str, Any]:
    text = (CLONE / CITY / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


@cache
def outside_the_city() -> frozenset[str]:
    """Codes of bodies that the city cannot tell to answer: PLN, BPJS, the province …"""
    return frozenset(opd["code"] for opd in _document("opds")["opds"] if not opd["inside"])


def forwards(channel: str, klasifikasi: str | None) -> bool:
    """Whether such a complaint goes to LAPOR: the first row that covers it decides."""
    exchange = _document("lapor")
    for row in exchange["forward"]:
        if channel in row.get("channels", [channel]) and klasifikasi in row.get("klasifikasi", [klasifikasi]):
            return bool(row["forward"])
    return bool(exchange["otherwise"])


def silent_templates() -> frozenset[str]:
    """Codes of follow-ups that are LAPOR's own bookkeeping, nobody's words."""
    return frozenset(_document("lapor")["silent_templates"])
