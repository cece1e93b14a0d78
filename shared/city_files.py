"""What every reader of a city's files shares: rows that hold for a time, and where in a file something is wrong."""

from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator


class Dated(BaseModel):
    """A row with the local days on which it is in force: both ends belong to it, an open end has no limit."""

    model_config = ConfigDict(frozen=True)

    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("valid_to lies before valid_from")
        return self

    def holds(self, on: date) -> bool:
        """Whether it is in force on that local day."""
        return (self.valid_from is None or self.valid_from <= on) and (
            self.valid_to is None or on <= self.valid_to
        )


def place_in_file(loc: tuple[int | str, ...]) -> str:
    """`opds[3].region`, of a place as pydantic tells it."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)
    return path.removeprefix(".") or "(the whole file)"
