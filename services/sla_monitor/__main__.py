"""`python -m services.sla_monitor`: run one replica of the SLA monitor."""

from services.sla_monitor.app import service

service.run()
