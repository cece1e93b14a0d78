"""Which local hub a command means: the clone's own, or the demo's while only that one is meant to run."""

import json
import os
from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]


def own() -> Path:
    """The folder of the hub of this clone; SIMPUL_ROOT names another one."""
    named = os.environ.get("SIMPUL_ROOT")
    return Path(named).absolute() if named else CLONE / ".simpul"


def of_demo() -> Path:
    """The folder of the demo's hub: apart, so that a demo never meets complaints that are not its own."""
    return own() / "demo"


def current() -> Path:
    """The demo's hub where that is meant to run and the clone's own is not; else the clone's own."""
    return of_demo() if is_wanted(of_demo()) and not is_wanted(own()) else own()


def is_wanted(root: Path) -> bool:
    """Whether the hub of this folder is meant to run: `up` or `demo` started it and nobody has ended that."""
    try:
        return bool(json.loads((root / "run" / "plan.json").read_text(encoding="utf-8"))["parts"])
    except (FileNotFoundError, ValueError, KeyError):
        return False
