"""What every service must be told at start; what is missing or senseless stops the process, by name."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

Configured = TypeVar("Configured", bound="ServiceSettings")


class ServiceSettings(BaseSettings):
    """Read from the environment, prefix `SIMPUL_`."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_", frozen=True, extra="ignore")

    store_dsn: Annotated[str, Field(pattern=r"^postgres(ql)?://")]
    kafka_bootstrap: Annotated[str, Field(pattern=r"^[^,\s]+:\d+(,[^,\s]+:\d+)*$")]
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=1, le=65535)]
    keys_file: Path
    replica: Annotated[int, Field(ge=0, le=999)] = 0
    drain_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def brokers(self) -> list[str]:
        """host:port of each Kafka broker to ask first."""
        return self.kafka_bootstrap.split(",")


def read(settings: type[Configured]) -> Configured:
    """The settings from the environment. Exits with one line per wrong variable; values are not repeated."""
    try:
        return settings()
    except ValidationError as wrong:
        lines = [
            f"SIMPUL_{'_'.join(str(part) for part in error['loc']).upper()}: {error['msg']}"
            for error in wrong.errors(include_input=False, include_url=False)
        ]
        raise SystemExit("cannot start:\n  " + "\n  ".join(lines)) from None
