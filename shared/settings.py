"""What every service must be told at start; what is missing or senseless stops the process, by name."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.limits import RATES, Limits

Configured = TypeVar("Configured", bound="ServiceSettings")

PerSecond = Annotated[float, Field(gt=0, le=100_000)]

Networks = Annotated[
    tuple[IPv4Network | IPv6Network, ...],
    NoDecode,
    BeforeValidator(
        lambda told: (
            [part.strip() for part in told.split(",") if part.strip()] if isinstance(told, str) else told
        )
    ),
]


class ServiceSettings(BaseSettings):
    """Read from the environment, prefix `SIMPUL_`.

    `rate_*`: requests a second, by role for each key's name, `public` and `unknown` keys for each address
    (shared/limits.py). `trusted_proxies`: addresses or networks whose X-Forwarded-For is believed.
    """

    model_config = SettingsConfigDict(env_prefix="SIMPUL_", frozen=True, extra="ignore")

    store_dsn: Annotated[str, Field(pattern=r"^postgres(ql)?://")]
    kafka_bootstrap: Annotated[str, Field(pattern=r"^[^,\s]+:\d+(,[^,\s]+:\d+)*$")]
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=1, le=65535)]
    keys_file: Path
    replica: Annotated[int, Field(ge=0, le=999)] = 0
    drain_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    rate_publisher: PerSecond = RATES["publisher"]
    rate_bridge: PerSecond = RATES["bridge"]
    rate_opd: PerSecond = RATES["opd"]
    rate_verifier: PerSecond = RATES["verifier"]
    rate_admin: PerSecond = RATES["admin"]
    rate_public: PerSecond = RATES["public"]
    rate_unknown: PerSecond = RATES["unknown"]
    trusted_proxies: Networks = ()

    @property
    def brokers(self) -> list[str]:
        """host:port of each Kafka broker to ask first."""
        return self.kafka_bootstrap.split(",")

    @property
    def limits(self) -> Limits:
        """How often each may ask."""
        return Limits({of: getattr(self, f"rate_{of}") for of in RATES}, self.trusted_proxies)


def read(settings: type[Configured]) -> Configured:
    """The settings from the environment. Exits with one line per wrong variable; values are not repeated."""
    try:
        return settings()
    except ValidationError as wrong:
        lines = dict.fromkeys(
            f"SIMPUL_{''.join(str(part) for part in error['loc'][:1]).upper()}: {error['msg']}"
            for error in wrong.errors(include_input=False, include_url=False)
        )
        raise SystemExit("cannot start:\n  " + "\n  ".join(lines)) from None
