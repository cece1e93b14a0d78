"""What every service must be told at start; what is missing or senseless stops the process, by name."""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import quote

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.limits import RATES, Limits

Configured = TypeVar("Configured", bound="ServiceSettings")

_WITHOUT_PASSWORD = re.compile(r"^postgres(?:ql)?://[^:@/]+(?=@)")

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
    """Read from the environment, prefix `SIMPUL_`; an empty variable counts as none.

    `store_password_file` holds the password that `store_dsn` leaves out. `replica` is an ordinal that no other
    replica of the service has and that a restart keeps; None where there is no such thing (`compose --scale`).
    `rate_*`: requests a second, by role for each key's name, `public` and `unknown` keys for each address
    (shared/limits.py). `trusted_proxies`: addresses or networks whose X-Forwarded-For is believed.
    """

    model_config = SettingsConfigDict(
        env_prefix="SIMPUL_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    store_dsn: Annotated[str, Field(pattern=r"^postgres(ql)?://")]
    store_password_file: Path | None = None
    kafka_bootstrap: Annotated[str, Field(pattern=r"^[^,\s]+:\d+(,[^,\s]+:\d+)*$")]
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=1, le=65535)]
    keys_file: Path
    replica: Annotated[int, Field(ge=0, le=999)] | None = None
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

    @model_validator(mode="after")
    def _the_password_is_there(self) -> Self:
        if self.store_password_file is not None:
            try:
                password = self.store_password_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise ValueError("SIMPUL_STORE_PASSWORD_FILE cannot be read") from None
            if not password or not _WITHOUT_PASSWORD.match(self.store_dsn):
                raise ValueError(
                    "SIMPUL_STORE_PASSWORD_FILE holds a password, and SIMPUL_STORE_DSN names a role and no password"
                )
        return self

    @property
    def store_address(self) -> str:
        """The DSN with its password; it changes with the file."""
        if self.store_password_file is None:
            return self.store_dsn
        password = quote(self.store_password_file.read_text(encoding="utf-8").strip(), safe="")
        return _WITHOUT_PASSWORD.sub(rf"\g<0>:{password}", self.store_dsn)

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
            f"{_named(error['loc'])}{error['msg'].removeprefix('Value error, ')}"
            for error in wrong.errors(include_input=False, include_url=False)
        )
        raise SystemExit("cannot start:\n  " + "\n  ".join(lines)) from None


def _named(place: tuple[int | str, ...]) -> str:
    """The variable, where it is one; a rule about several names them itself."""
    return f"SIMPUL_{place[0]}: ".upper() if place else ""
