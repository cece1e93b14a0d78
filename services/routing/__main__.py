"""`python -m services.routing`: run one replica of routing."""

from services.routing.app import service

service.run()
