"""`python -m services.lapor_bridge`: run one replica of the bridge."""

from services.lapor_bridge.app import service

service.run()
