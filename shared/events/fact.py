"""What every event is: a frozen fact with a type, a topic and a derived id."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the calendar") from None


Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
"""A point in time; any zone is read, UTC is kept (DESIGN §5)."""

Key = UUID
"""The complaint id: the key of every owner's topic and of every service's key row."""


class Part(BaseModel):
    """A piece of an event. Writers forbid unknown fields; readers ignore them (`Event.read`)."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", serialize_by_alias=True, validate_by_alias=True, validate_by_name=True
    )


_keep = object.__setattr__
"""A fact is frozen but for what is noted beside it."""


class Fact(Part):
    """Anything a rule answers: an event that was heard, or an act that was commanded.

    A fact knows the id under which it arrived (`ce_id`, or the command's own). Ids of what is said because
    of it are derived from that id, so the same work done twice says the same thing.
    """

    __slots__ = ("_findings", "_id")
    # slots: pydantic's private attributes cost as much again as reading the whole event
    if TYPE_CHECKING:
        _id: UUID | None
        _findings: object

    def model_post_init(self, _: object, /) -> None:
        """Nobody has named it yet."""
        _keep(self, "_id", None)
        _keep(self, "_findings", None)

    def __copy__(self) -> Self:
        """The same fact, under the same id."""
        copied = super().__copy__()
        _keep(copied, "_id", self._id)
        _keep(copied, "_findings", self._findings)
        return copied

    @property
    def id(self) -> UUID:
        """The id this fact came under; LookupError where nobody has named it yet."""
        if self._id is None:
            raise LookupError(f"{type(self).__name__} has no id yet")
        return self._id

    @property
    def has_id(self) -> bool:
        return self._id is not None

    def known_as(self, fact_id: UUID) -> Self:
        """This fact, under the id given. Returns itself; an id is given once."""
        _keep(self, "_id", fact_id)
        return self

    @property
    def findings(self) -> object:
        """What was found out about it before any row was locked (`Fold.examine`); None where nothing was."""
        return self._findings

    def found(self, findings: object) -> Self:
        """This fact, with what was found out about it. Returns itself."""
        _keep(self, "_findings", findings)
        return self


class Event(Fact):
    """A fact that goes over Kafka. `type` is `simpul.<noun>.<past participle>.v<major>`."""

    topic: ClassVar[str]
    type: ClassVar[str]
    is_tombstone: ClassVar[bool] = False
    """Whether it goes out without a value: the end of its key on a compacted topic."""

    @property
    def about(self) -> UUID | None:
        """The complaint that it is about, where that is another one than whose fact caused it; unnumbered ones only."""
        return None

    @classmethod
    def read(cls, value: bytes) -> Self:
        """The event in `value` (JSON), fields that this version does not know ignored.

        Raises pydantic.ValidationError. Its text quotes the citizen: show only `errors(include_input=False)`.
        """
        return cls.model_validate_json(value, extra="ignore")

    def write(self) -> bytes:
        """The JSON that travels as the Kafka value, UTF-8."""
        return self.__pydantic_serializer__.to_json(self)

    def record_key(self, subject: Key | None) -> str:
        """The Kafka key: the complaint id, except on topics that are keyed otherwise."""
        if subject is None:
            raise LookupError(f"{self.type} is keyed by complaint and names none")
        return str(subject)
