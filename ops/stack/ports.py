"""Which port each part listens on: the usual one, a free one where that is taken, the same next time."""

import json
import random
import socket
from collections.abc import Callable, Container
from pathlib import Path

HOST = "127.0.0.1"
QUIET_RANGE = range(20000, 30000)
"""Below the ports that systems hand out to outgoing connections, so that a remembered one stays free."""


def is_free(port: int) -> bool:
    """Whether something could listen there now."""
    with socket.socket() as probe:
        # as a server would ask for it: connections of the last one may still be lingering
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def any_free(free: Callable[[int], bool] = is_free, but: Container[int] = ()) -> int:
    """A port of the quiet range where something could listen now; OSError where 200 tries found none."""
    for port in random.sample(QUIET_RANGE, 200):  # no secret hangs on it
        if port not in but and free(port):
            return port
    raise OSError("found no free port")


class Ports:
    """The remembered choice, in one JSON file: part → port."""

    def __init__(self, file: Path, free: Callable[[int], bool] = is_free) -> None:
        self._file = file
        self._free = free

    def of(self, part: str) -> int | None:
        """The port last chosen for a part."""
        return self._read().get(part)

    def choose(self, part: str, usual: int | None) -> int:
        """A port that is free now: the remembered one, else the usual one, else any that is no other's."""
        remembered = self._read()
        others = {port for name, port in remembered.items() if name != part}
        wishes = [port for port in (remembered.get(part), usual) if port is not None and port not in others]
        port = next(filter(self._free, wishes), None) or any_free(self._free, others)
        self._write(remembered | {part: port})
        return port

    def remember(self, part: str, port: int) -> None:
        """It listens there, however it came to."""
        if self.of(part) != port:
            self._write(self._read() | {part: port})

    def _read(self) -> dict[str, int]:
        try:
            return dict(json.loads(self._file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except ValueError:  # a write that a full disk cut short; the choice can be made again
            return {}

    def _write(self, ports: dict[str, int]) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(ports, indent=2), encoding="utf-8")
        fresh.replace(self._file)
