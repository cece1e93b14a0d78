"""What the simulated SP4N-LAPOR must be told at start; what is missing or senseless stops it, by name."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment, prefix `SIMPUL_SIM_`. Durations are days unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_SIM_", frozen=True, extra="ignore")

    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=1, le=65535)]
    auth_file: Path
    token_file: Path
    dir: Path
    times: Literal["UTC", "Asia/Jakarta"] = "UTC"
    silence_days: Annotated[float, Field(gt=0)] = 10.0
    completion_days: Annotated[float, Field(gt=0)] = 10.0
    timer_seconds: Annotated[float, Field(ge=0)] = 0.0
    drain_seconds: Annotated[int, Field(gt=0)] = 5
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


def read() -> Settings:
    """The settings from the environment. Exits with one line per wrong variable; values are not repeated."""
    try:
        return Settings()
    except ValidationError as wrong:
        lines = [
            f"SIMPUL_SIM_{'_'.join(str(part) for part in error['loc']).upper()}: {error['msg']}"
            for error in wrong.errors(include_input=False, include_url=False)
        ]
        raise SystemExit("cannot start:\n  " + "\n  ".join(lines)) from None
