"""Our own TCP proxy between the services and what they speak with: slow, silent, broken or dripping on command.

A process of its own, `python -m tests.faults.proxy`, so that a busy harness is no network trouble. It is told on
stdin, one JSON a line: `{"ways": {name: [listens on, leads to]}}` first, then `{"way": name, "mode": mode, …}`; it
answers `ok` to each. What passes is never read, only carried.
"""

import asyncio
import contextlib
import json
import socket
import sys
from dataclasses import dataclass, field
from typing import Any, Literal

import uvloop

Mode = Literal["open", "latency", "blackhole", "reset", "drip"]
HOST = "127.0.0.1"
AT_ONCE = 256 * 1024


@dataclass
class Way:
    """One leg of the network. `seconds`: the delay of `latency`; `bytes_a_second`: the pace of `drip`."""

    listens: int
    leads: int
    mode: Mode = "open"
    seconds: float = 0.0
    bytes_a_second: int = 20_000
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    lines: set[asyncio.StreamWriter] = field(default_factory=set)

    def turn(self, mode: Mode, seconds: float, bytes_a_second: int) -> None:
        """Be like this from now on. `reset` breaks what is connected, and whatever connects."""
        self.mode, self.seconds, self.bytes_a_second = mode, seconds, bytes_a_second
        (self.opened.clear if mode == "blackhole" else self.opened.set)()
        if mode == "reset":
            self.cut()

    def cut(self) -> None:
        for line in list(self.lines):
            _reset(line)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection both ways until either end has gone."""
        self.lines.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            if self.mode == "reset":
                _reset(writer)
                return
            await self.opened.wait()
            far_reader, far = await asyncio.open_connection(HOST, self.leads, limit=AT_ONCE)
            self.lines.add(far)
            there = asyncio.ensure_future(self._carry(reader, far))
            back = asyncio.ensure_future(self._carry(far_reader, writer))
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            for one in (there, back):
                one.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
        except OSError:
            _reset(writer)
        finally:
            for line in (writer, far):
                if line is not None:
                    self.lines.discard(line)
                    with contextlib.suppress(OSError, RuntimeError):
                        line.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(AT_ONCE):
            await self.opened.wait()
            if self.mode == "latency":
                await asyncio.sleep(self.seconds)
            if self.mode == "drip":
                step = max(1, self.bytes_a_second // 20)
                for at in range(0, len(chunk), step):
                    writer.write(chunk[at : at + step])
                    await writer.drain()
                    await asyncio.sleep(0.05 if self.mode == "drip" else 0)
            else:
                writer.write(chunk)
                await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End it with a TCP RST, not with a polite FIN."""
    with contextlib.suppress(OSError, RuntimeError):
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        writer.transport.abort()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(told), sys.stdin)
    ways: dict[str, Way] = {}
    while line := await told.readline():
        order: dict[str, Any] = json.loads(line)
        for name, (listens, leads) in order.get("ways", {}).items():
            way = ways[name] = Way(listens, leads)
            way.opened.set()
            await asyncio.start_server(way.serve, HOST, listens, limit=AT_ONCE, backlog=512)
        if "way" in order:
            ways[order["way"]].turn(
                order["mode"], order.get("seconds", 0.0), order.get("bytes_a_second", 20_000)
            )
        sys.stdout.write("ok\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_main())
