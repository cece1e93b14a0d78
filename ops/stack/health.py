"""Asks one of our own processes how it is, by its /ready."""

import json
import urllib.error
import urllib.request

STOPPED_ITSELF = "not ready: consumer (stopped: "
"""How it begins when nothing is wrong but that the consumer stopped itself."""

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def health(url: str, patience: float = 2.0) -> str:
    """`ready`, or what is not well in words. Blocks for at most `patience` seconds."""
    try:
        with _direct.open(f"{url}/ready", timeout=patience):
            return "ready"
    except urllib.error.HTTPError as answer:
        with answer:
            return f"not ready: {_complaints(answer.read())}"
    except (OSError, ValueError):
        return "does not answer"


def _complaints(body: bytes) -> str:
    try:
        checks = json.loads(body)["checks"]
        unwell = {name: said for name, said in checks.items() if said not in (True, "ok")}
    except (ValueError, KeyError, TypeError, AttributeError):
        return "no reason given"
    return (
        ", ".join(name if said in (False, None) else f"{name} ({said})" for name, said in unwell.items())
        or "no reason given"
    )
