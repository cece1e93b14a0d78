"""`python -m services.intake`: run intake until SIGTERM."""

from services.intake.app import service

service.run()
