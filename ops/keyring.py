"""The file of hashed keys: read, changed by one at a time, replaced whole; the services see it at once."""

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TypedDict

from pydantic import TypeAdapter, ValidationError

from ops.refusal import Refusal
from shared import clock
from shared.access import BROKEN, new_key, parse_keys
from shared.events.parts import Source


class Entry(TypedDict, total=False):
    """One key as the file holds it. `expires` is its last day in Jakarta; without, it has none."""

    name: str
    role: str
    sha256: str
    created: str
    expires: str


def today() -> date:
    """The day that it is in Jakarta: keys are good until the end of their last one there."""
    return clock.now().astimezone(clock.JAKARTA).date()


def is_over(entry: Entry) -> bool:
    """Whether its last day is past."""
    return "expires" in entry and date.fromisoformat(entry["expires"]) < today()


def ending(entry: Entry) -> str:
    """The last four of its hash: which key it is among those of one name."""
    return entry["sha256"][-4:]


def add(entries: list[Entry], name: str, role: str, expires: date | None = None) -> str:
    """A key for a name that has none that is good; the secret. Refusal where it cannot be."""
    if known := _good(entries, name):
        raise Refusal(
            f"{name} has a key already (role {known[0]['role']}, …{ending(known[0])}); "
            f"./simpul keys rotate {name} makes a second one"
        )
    if others := {entry["role"] for entry in entries if entry["name"] == name} - {role}:
        raise Refusal(f"{name} was {others.pop()} before; revoke that, or take another name")
    return append(entries, name, role, expires)


def rotate(entries: list[Entry], name: str, overlap: int, expires: date | None = None) -> tuple[str, date]:
    """A second key for a name; the secret, and the day until which the older ones stay good as well.

    They keep an earlier last day of their own; others end in `overlap` days.
    """
    good = _good(entries, name)
    if not good:
        raise Refusal(f"{name} has no key that is good; ./simpul keys add {name} --role … makes one")
    if expires is None and (last := _last_day(good[-1])):
        raise Refusal(f"{name}'s key has a last day ({last}); say the next one's with --expires")
    until = today() + timedelta(overlap)
    for entry in good:
        entry["expires"] = min(until, _last_day(entry) or until).isoformat()
    secret = append(entries, name, good[0]["role"], expires)
    return secret, max(day for day in map(_last_day, good) if day)


def revoke(entries: list[Entry], name: str, key: str | None = None) -> int:
    """Take away all keys of a name, or the one whose hash ends so; how many those were."""
    gone = [entry for entry in entries if entry["name"] == name and (key is None or ending(entry) == key)]
    if not gone:
        which = f" that ends in {key}" if key else ""
        raise Refusal(f"{name} has no key{which}; ./simpul keys list shows all")
    entries[:] = [entry for entry in entries if entry not in gone]
    return len(gone)


def append(entries: list[Entry], name: str, role: str, expires: date | None = None) -> str:
    """A key more, whatever the name has; the secret. Refusal where it would be good for nothing."""
    if expires is not None and expires < today():
        raise Refusal(f"{expires} is past: the key would never be good")
    if role == "publisher":
        _check_source(name)
    try:
        secret, entry = new_key(name, role, expires, today())
    except ValueError as wrong:
        raise Refusal(str(wrong)) from None
    entries.append(Entry(**entry))  # type: ignore[typeddict-item]
    return secret


def _check_source(name: str) -> None:
    """A publisher's name is what its complaints are known by."""
    try:
        TypeAdapter(Source).validate_python(name)
    except ValidationError:
        raise Refusal(
            "a publisher's name is the source of its complaints: small letters, digits, dots and dashes"
        ) from None
    if name == "lapor":
        raise Refusal("lapor is the bridge's own source; take another name")


def _good(entries: list[Entry], name: str) -> list[Entry]:
    return [entry for entry in entries if entry["name"] == name and not is_over(entry)]


def _last_day(entry: Entry) -> date | None:
    return date.fromisoformat(entry["expires"]) if "expires" in entry else None


def read(file: Path) -> list[Entry]:
    """The keys in the file. Refusal where it is none, or cannot be read."""
    try:
        written = file.read_bytes()
        parse_keys(written)
        entries: list[Entry] = json.loads(written)["keys"]
    except FileNotFoundError:
        raise Refusal(
            f"there is no keys file at {file}; ./simpul keys add makes it, --file names another"
        ) from None
    except OSError as wrong:
        raise Refusal(f"the keys file {file} cannot be read ({wrong.strerror})") from None
    except BROKEN:
        raise Refusal(
            f"{file} is no keys file; the services go on with its last good version. Mend it, or put a copy back"
        ) from None
    return entries


@contextmanager
def changing(file: Path) -> Iterator[list[Entry]]:
    """The keys, to be changed in place; what is there at the end is the file, unless something was raised.

    One at a time: whoever comes second waits for the first and sees what it left.
    """
    try:
        lock = os.open(file.with_name(f".{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as wrong:
        raise Refusal(
            f"the folder of {file} cannot be written ({wrong.strerror}); where keys are made, it must be"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = read(file) if file.exists() else []
        yield entries
        _replace(file, json.dumps({"keys": entries}, indent=2) + "\n")
    finally:
        os.close(lock)


def _replace(file: Path, text: str) -> None:
    """Put a new version in its place: readers see the old or the new, with the old one's owner and no wider mode."""
    before = file.stat() if file.exists() else None
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    owner = before or file.parent.stat()
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fchmod(out.fileno(), stat.S_IMODE(before.st_mode) & 0o640 if before else 0o640)
        if os.geteuid() == 0:  # made by root, read by services that are not
            os.fchown(out.fileno(), owner.st_uid, owner.st_gid)
        os.fsync(out.fileno())
    try:
        fresh.replace(file)
    except OSError as wrong:
        fresh.unlink(missing_ok=True)
        if wrong.errno != errno.EBUSY:
            raise
        raise Refusal(
            f"{file} is mounted by itself and cannot be replaced; mount its folder instead"
        ) from None
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
