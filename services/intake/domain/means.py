"""What intake's rules need beside a complaint: keys to hash with, the city's names, where citizens follow."""

from dataclasses import dataclass, field

from services.intake.domain.city import City
from services.intake.domain.keyed import Subkeys


@dataclass(frozen=True, slots=True)
class Means(Subkeys):
    """The keys, and what a message to a citizen is written with.

    `follow_at` is the address under which the public reaches intake, without a slash at its end; None where
    nobody set one, and then a message names the ticket alone.
    """

    city: City = field(default_factory=City)
    follow_at: str | None = None
