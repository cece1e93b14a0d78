"""What intake must be told at start."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """As every service, and where the master key is: 32 random bytes in base64.

    `public_url` is where citizens reach this service, for the messages that lead them to their ticket.
    """

    master_key_file: Path
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s/?#]+)*$")] | None = None
