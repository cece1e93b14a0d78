"""What intake must be told at start."""

from pathlib import Path

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """As every service, and where the master key is: 32 random bytes in base64."""

    master_key_file: Path
