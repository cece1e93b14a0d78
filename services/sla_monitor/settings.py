"""What the monitor must be told at start."""

from typing import Annotated

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """As every service, and how long a clock that was overdue when first seen keeps silent, in seconds."""

    settle_seconds: Annotated[float, Field(ge=0, le=86_400)] = 600.0
