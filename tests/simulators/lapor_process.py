"""The simulated LAPOR as its own process, for tests: start it on a free port, kill it, start it again."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx

from ops.stack.ports import any_free

KEYS = {"auth": "kunci-contoh", "token": "token-contoh"}


class LaporProcess:
    """One simulator over one folder. `url` stays the same over restarts; `http` carries both keys."""

    def __init__(self, folder: Path, **more_environment: str) -> None:
        (folder / "auth").write_text(f"hub {KEYS['auth']}\nother kunci-lain\n")
        (folder / "token").write_text(KEYS["token"])
        port = any_free()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            **os.environ,
            "SIMPUL_SIM_HTTP_PORT": str(port),
            "SIMPUL_SIM_AUTH_FILE": str(folder / "auth"),
            "SIMPUL_SIM_TOKEN_FILE": str(folder / "token"),
            "SIMPUL_SIM_DIR": str(folder / "store"),
            **more_environment,
        }
        self._log = (folder / "log").open("ab")
        self.start()

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulators.lapor"],
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
        )
        self.http = httpx.Client(base_url=self.url, headers=KEYS, timeout=10)
        for _ in range(200):
            try:
                if self.http.get("/ready").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("the simulator did not become ready")

    def kill(self) -> None:
        """As a power cut does it: no chance to finish anything."""
        self.http.close()
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.http.close()
        self.process.terminate()
        code = self.process.wait(15)
        self._log.close()
        return code
