"""What intake must be told at start."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from shared.settings import ServiceSettings


def _by_comma(listed: object) -> object:
    return [one.strip() for one in listed.split(",") if one.strip()] if isinstance(listed, str) else listed


class Settings(ServiceSettings):
    """As every service, and where the master key is: 32 random bytes in base64.

    `public_url` is where citizens reach this service, for the messages that lead them to their ticket.
    `fetch_from`: networks, by comma, from which attachments are fetched though they are not public.
    """

    master_key_file: Path
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s/?#]+)*$")] | None = None
    fetch_from: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_by_comma)] = ()
