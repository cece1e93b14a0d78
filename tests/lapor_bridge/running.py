"""The simulated LAPOR in a thread of the test run: real HTTP on a port, and up in a blink."""

import threading
import time
from pathlib import Path

import httpx
import uvicorn

from ops.stack.ports import any_free
from shared import clock
from simulators.lapor.app import build
from simulators.lapor.settings import Settings

KEYS = {"auth": "kunci-contoh", "token": "token-contoh"}


class Lapor:
    """One simulator over one folder. `url` stays the same when it goes away and comes back."""

    def __init__(self, folder: Path) -> None:
        (folder / "auth").write_text(f"hub {KEYS['auth']}\n")
        (folder / "token").write_text(KEYS["token"])
        self._port = any_free()
        self._settings = Settings(
            http_port=self._port, auth_file=folder / "auth", token_file=folder / "token", dir=folder / "store"
        )
        self.url = f"http://127.0.0.1:{self._port}"
        self.http = httpx.Client(base_url=self.url, headers=KEYS, timeout=60)
        self.come_back()

    def come_back(self) -> None:
        """Listen, over the store as it was left."""
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 20
        while self._server is None or not self._server.started:
            assert self._thread.is_alive(), "the simulator did not start"
            assert time.monotonic() < deadline, "the simulator did not start"
            time.sleep(0.005)

    def go_away(self) -> None:
        """Stop listening, whatever is under way."""
        self.http.close()
        assert self._server is not None
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self.http = httpx.Client(base_url=self.url, headers=KEYS, timeout=60)

    def _serve(self) -> None:
        app = build(self._settings, clock.now)
        config = uvicorn.Config(
            app, host="127.0.0.1", port=self._port, log_level="critical", lifespan="on", loop="asyncio"
        )
        self._server = uvicorn.Server(config)
        self._server.run()
