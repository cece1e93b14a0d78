"""Looking into files beside the event loop: one at a time, in a thread, however many wait."""

import asyncio
import warnings
from concurrent.futures import ThreadPoolExecutor

from services.intake.domain import attaching
from services.intake.domain.attaching import Look
from services.intake.domain.files import Clean, clean
from shared.events.submissions import SubmissionPosted

warnings.filterwarnings(
    "ignore", module=r"PIL\."
)  # what is wrong with a stranger's file is told to the stranger

_EYE = ThreadPoolExecutor(1, thread_name_prefix="looking")
"""One: a photo of 50 million pixels takes up to 400 MB while it is looked into."""


async def look_into(submission: SubmissionPosted) -> tuple[Look, ...]:
    """What is in the attachments of a submission, for the rule that takes it in."""
    if not any(sent.inline for sent in submission.attachments or ()):
        return attaching.look_into(submission)
    return await asyncio.get_running_loop().run_in_executor(_EYE, attaching.look_into, submission)


async def cleaned(raw: bytes) -> Clean:
    """The file without its metadata. Raises Unfit."""
    return await asyncio.get_running_loop().run_in_executor(_EYE, clean, raw)
