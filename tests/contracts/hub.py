"""The hub's services as their code puts them together, never started."""

import base64
import importlib
from pathlib import Path

from shared.service import Parts, Service
from shared.settings import ServiceSettings

SERVICES = ("intake", "routing", "lapor_bridge", "sla_monitor")


def parts_of(name: str, folder: Path) -> Parts:
    """The parts of a service, opened with settings that lead nowhere; its files lie in `folder`."""
    service: Service[ServiceSettings] = importlib.import_module(f"services.{name}.app").service
    assert service.name == name
    master = folder / "master.key"
    master.write_bytes(base64.b64encode(b"m" * 32))
    keys = folder / "keys.json"
    keys.write_text('{"keys": []}')
    settings = service.settings.model_validate(
        {
            "store_dsn": "postgresql://nobody:nothing@127.0.0.1:1/nowhere",
            "kafka_bootstrap": "127.0.0.1:1",
            "http_port": 1,
            "keys_file": keys,
            "master_key_file": master,
        }
    )
    return service.open(settings)
