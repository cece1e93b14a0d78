"""The bridge as a process: its fold, its routes, and the loops that work towards SP4N-LAPOR."""

from services.lapor_bridge import counting
from services.lapor_bridge.asking import Reporters
from services.lapor_bridge.discover import Discovery, nowhere
from services.lapor_bridge.forward import Forwarding
from services.lapor_bridge.handlers import fold
from services.lapor_bridge.lapor.client import LaporClient, read_secret
from services.lapor_bridge.post import post
from services.lapor_bridge.settings import Settings
from services.lapor_bridge.web import lapor_routes
from shared.delivery.gauges import Counting
from shared.service import Parts, Service, Turn

SAYS = frozenset({"lapor.events", "intake.submissions"})


def open_bridge(settings: Settings) -> Parts:
    """The parts of one process; without LAPOR's address only the export and the postings are worked."""
    routes = [lapor_routes(settings.zone, connected=settings.lapor_url is not None)]
    counted = Counting(counting.GAUGES, counting.count)
    loops: dict[str, Turn] = {"post": post, "sides": counted.turn}
    if settings.lapor_url is None or settings.lapor_auth_file is None or settings.lapor_token_file is None:
        return Parts(fold=fold, says=SAYS, routes=routes, loops={**loops, "nowhere": nowhere})
    client = LaporClient(
        settings.lapor_url,
        auth=read_secret(settings.lapor_auth_file),
        token=read_secret(settings.lapor_token_file),
        auth_header=settings.lapor_auth_header,
        seconds=settings.lapor_timeout,
    )
    reporters = None
    if settings.intake_url is not None and settings.intake_key_file is not None:
        reporters = Reporters(settings.intake_url, settings.intake_key_file)
    forwarding = Forwarding(client, settings.zone, settings.lapor_timeout, reporters)
    discovery = Discovery(client, settings.zone, settings.lapor_poll_seconds)

    async def close() -> None:
        await client.close()
        if reporters is not None:
            await reporters.close()

    return Parts(
        fold=fold,
        says=SAYS,
        routes=routes,
        loops={**loops, "forward": forwarding.turn, "discover": discovery.turn},
        close=close,
    )


service = Service(name="lapor_bridge", settings=Settings, open=open_bridge)
