"""Setting the scene: the demo's own hub is begun, gone on with, or put away; what was asked for is remembered."""

import contextlib
import dataclasses
import fcntl
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ops.console import Steps
from ops.demo.habits import WORKING_OPDS
from ops.demo.script import publishers
from ops.refusal import Refusal
from ops.stack import roots
from ops.stack.credentials import kept_keys
from ops.stack.parts import SERVICES, SIMULATOR, STORES
from ops.stack.stack import Stack
from ops.up import bring_up
from shared import clock

PARTS = (*STORES, *SERVICES, SIMULATOR)

QUICK: Mapping[str, Mapping[str, str]] = {
    # DESIGN §5: 5 s in the demo, so that deadlines that passed long ago are told before it ends
    "sla_monitor": {"SIMPUL_SETTLE_SECONDS": "5"},
    "lapor_bridge": {"SIMPUL_LAPOR_POLL_SECONDS": "1", "SIMPUL_LAPOR_TIMES": "UTC"},
}
"""What the services are told otherwise than usual: nobody wants to wait for a demo."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a demo is made from, and how far it has come; kept beside its data, so that it can go on.

    `by_export`: how many of LAPOR's reports were new when its exports were imported.
    """

    seed: int
    reports: int
    began: datetime
    done: tuple[str, ...] = ()
    by_export: int = 0
    finished: bool = False

    def after(self, act: str) -> "Note":
        """With one more act done."""
        return dataclasses.replace(self, done=(*self.done, act))


def note_file(root: Path) -> Path:
    """Where the note of a demo lies."""
    return root / "demo.json"


def read_note(root: Path) -> Note | None:
    """The note of the demo that stands there; None where there is none that can be read."""
    try:
        kept = json.loads(note_file(root).read_text(encoding="utf-8"))
        began = datetime.fromisoformat(kept["began"])
        return Note(**(kept | {"began": began, "done": tuple(kept["done"])}))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def keep_note(root: Path, note: Note) -> None:
    """Remember it, whole or not at all."""
    file = note_file(root)
    kept = dataclasses.asdict(note) | {"began": note.began.isoformat()}
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(kept, indent=2), encoding="utf-8")
    fresh.replace(file)


def goes_on(left: Note | None, seed: int, reports: int) -> bool:
    """Whether the demo that was left there is the one asked for, and not at its end."""
    return left is not None and not left.finished and (left.seed, left.reports) == (seed, reports)


@contextlib.contextmanager
def only_demo() -> Iterator[None]:
    """Within this no other demo plays here. Raises Refusal where one does."""
    roots.own().mkdir(parents=True, exist_ok=True)
    with (roots.own() / "demo.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal("a demo is playing here already") from None
        yield


async def begin(steps: Steps, seed: int, reports: int, *, anew: bool) -> tuple[Stack, Note, str]:
    """The demo's hub, running; its note; and in a sentence what was found there before."""
    root = roots.of_demo()
    left = None if anew else read_note(root)
    stack = Stack(root, steps=steps)
    with stack.alone(), steps.shown():
        if left is not None and goes_on(left, seed, reports):
            note = left
            told = f"An unfinished demo of {_when(left.began)} is here; it goes on (--anew begins again)."
        else:
            note = Note(seed, reports, clock.now().replace(microsecond=0))
            told = "It begins on empty stores, apart from any hub of your own."
            if stack.plan().parts or note_file(root).exists():
                told = "What an earlier demo had left is put away; this one begins on empty stores."
            await stack.destroy()
            keep_note(root, note)
        await bring_up(stack, PARTS, QUICK)
    return stack, note, told


def keys_of_the_cast(stack: Stack) -> dict[str, str]:
    """A bearer key for each who comes by HTTP: publishers by their names, OPDs as `opd:CODE`, verifier, admin."""
    roles = {
        **dict.fromkeys(publishers(), "publisher"),
        **{f"opd:{code}": f"opd:{code}" for code in WORKING_OPDS},
        "verifier": "verifier",
        "admin": "admin",
    }
    wanted = {who: (_key_name(who), role) for who, role in roles.items()}
    return kept_keys(stack.places.hashed_keys, stack.places.secrets / "demo-keys.json", wanted)


def _key_name(who: str) -> str:
    """A publisher's key has its source's name: that is what its complaints are known by."""
    return who if who in publishers() else f"demo-{who.replace(':', '-').lower()}"


def left_here() -> Stack:
    """The demo's hub, however it is."""
    return Stack(roots.of_demo())


async def put_away(stack: Stack) -> None:
    """Stop the demo's hub and delete all of it."""
    with stack.alone():
        await stack.destroy()


async def lay_down(stack: Stack) -> None:
    """Stop the demo's hub; what is stored stays, and `./simpul up` or another demo brings it back."""
    with stack.alone():
        await stack.stop()


def _when(began: datetime) -> str:
    return f"{began.astimezone(clock.JAKARTA):%d %B, %H:%M} WIB"
