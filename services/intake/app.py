"""Intake, put together: its fold, its routes, its seal."""

from services.intake import counting
from services.intake.acting import acting_routes
from services.intake.attachments import UPLOADS, attachment_routes
from services.intake.candidates import candidate_routes
from services.intake.fetching import Fetching
from services.intake.handlers import intake_fold
from services.intake.privacy import privacy_routes
from services.intake.rewrap import Rewrap
from services.intake.settings import Settings
from services.intake.web import LARGER_BODIES, complaint_routes
from shared.delivery.gauges import Counting
from shared.events.submissions import SubmissionPosted
from shared.sealing import Seal
from shared.service import Parts, Service

SAYS = frozenset({"intake.events", "intake.receipts", "intake.notices"})


def open_intake(settings: Settings) -> Parts:
    """The parts of one process."""
    seal = Seal.from_file(settings.master_key_file)
    return Parts(
        fold=intake_fold(seal, settings.public_url),
        says=SAYS,
        routes=[
            complaint_routes,
            acting_routes,
            privacy_routes(seal),
            attachment_routes(seal),
            candidate_routes(seal),
        ],
        loops={
            "rewrap": Rewrap(seal).turn,
            "fetch": Fetching(seal, settings.fetch_from).turn,
            "files": Counting(counting.GAUGES, counting.count).turn,
        },
        bodies=LARGER_BODIES | UPLOADS,
        seal=seal,
        sealed=frozenset({SubmissionPosted.topic}),
    )


service = Service(name="intake", settings=Settings, open=open_intake)
