"""`python -m simulators.lapor`: SP4N-LAPOR as a real HTTP server, until SIGTERM."""

import logging

import uvicorn

from shared import clock
from simulators.lapor.app import build
from simulators.lapor.settings import read


def main() -> None:
    """Serve until told to stop; requests under way get `drain_seconds`."""
    settings = read()
    logging.basicConfig(level=settings.log_level)
    uvicorn.run(
        build(settings, clock.now),
        host=settings.http_host,
        port=settings.http_port,
        log_level=settings.log_level.lower(),
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=settings.drain_seconds,
    )


main()
