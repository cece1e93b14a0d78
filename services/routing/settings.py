"""What routing must be told at start."""

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """As every service; the city's registry it reads from its own store."""
