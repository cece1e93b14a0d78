"""What the bridge must be told at start."""

from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Without `lapor_url` the bridge has only the Excel export to go by. Durations are seconds.

    `lapor_times`: the zone of times that LAPOR gives without one, in its API and its export (DOMAIN §2: UTC).
    `lapor_timeout` bounds each request as a whole. With `intake_url`, and a key of the role bridge, reports name
    who reported them; without, they go under the hub's own account.
    """

    lapor_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    lapor_auth_file: Path | None = None
    lapor_token_file: Path | None = None
    lapor_auth_header: Literal["auth", "bearer"] = "auth"
    lapor_poll_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    lapor_times: Literal["UTC", "Asia/Jakarta"] = "UTC"
    lapor_timeout: Annotated[float, Field(gt=0, le=120)] = 10.0
    intake_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    intake_key_file: Path | None = None

    @model_validator(mode="after")
    def _keys_with_the_address(self) -> Self:
        if self.lapor_url and not (self.lapor_auth_file and self.lapor_token_file):
            raise ValueError("SIMPUL_LAPOR_URL needs SIMPUL_LAPOR_AUTH_FILE and SIMPUL_LAPOR_TOKEN_FILE")
        return self

    @model_validator(mode="after")
    def _key_with_intakes_address(self) -> Self:
        if self.intake_url and not self.intake_key_file:
            raise ValueError("SIMPUL_INTAKE_URL needs SIMPUL_INTAKE_KEY_FILE")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The zone of LAPOR's times."""
        return ZoneInfo(self.lapor_times)
