"""What admins see and mend by HTTP, at every service: dead letters, parked complaints, gaps, a stopped consumer.

The same acts as `./simpul dead`. An admin need not know who complained or what they wrote, so no value is shown:
its shape, and what is wrong with it by field.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.access import Access, Caller
from shared.delivery import editing, operators, sequence
from shared.delivery.desk import Desk
from shared.delivery.operators import DeadLetter
from shared.events.catalogue import OWNER_TOPICS
from shared.events.parts import FieldError

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
LetterId = Annotated[int, Path(ge=1, lt=2**63)]
_SHOWN = ("content-type", "traceparent")


class Why(BaseModel):
    """Why it is done, for those who read the record later."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class Edit(Why):
    """A whole new value (text), or in `patch` only the fields that are wrong: objects are merged, anything else
    replaced. New headers by name; null removes one."""

    value: Annotated[str, Field(max_length=4 * 2**20)] | None = None
    patch: dict[str, Any] | None = None
    headers: Annotated[dict[str, str | None], Field(max_length=50)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _changes_something(self) -> "Edit":
        if self.value is not None and self.patch is not None:
            raise ValueError("give a value or a patch, not both")
        if self.value is None and self.patch is None and not self.headers:
            raise ValueError("give a value, a patch or headers")
        return self


class LetterRow(BaseModel):
    """One dead letter. `number` as in ce_sequence; `edits`: how often it was edited."""

    id: int
    topic: str
    partition: int
    offset: int
    complaint_id: UUID | None
    number: str | None
    status: Literal["open", "releasing", "released", "discarded"]
    reason: str
    attempts: int
    since: datetime
    sealed: bool
    worked_by: str | None
    note: str | None
    edits: int


class LetterShape(BaseModel):
    """Its value without a word of it: `fields` of its contract with the kind of JSON in each, and what is wrong."""

    bytes: int | None
    json_kind: str
    fields: dict[str, str]
    other_fields: int
    errors: list[FieldError]


class LetterView(LetterRow):
    """One dead letter whole. `headers`: ours with their values; a stranger's other ones by name only."""

    headers: dict[str, str | None]
    value: LetterShape


class ParkedRow(BaseModel):
    """One stream of one complaint that waits. `waiting`: the events behind it."""

    complaint_id: UUID
    topic: str
    cause: Literal["gap", "unworkable"]
    since: datetime
    waiting: int


class StoppedView(BaseModel):
    """Whether the consumer stopped itself, since when and why."""

    stopped: bool
    since: datetime | None = None
    reason: str | None = None


def operations_routes(desk: Desk[Any, Any], access: Access) -> APIRouter:
    """`/v1/operations`, for admins alone."""
    router = APIRouter(prefix="/v1/operations", tags=["operations"])
    admin = Annotated[Caller, Depends(access.caller("admin"))]

    @router.get("/dead-letters")
    async def list_dead_letters(
        _: admin,
        every: bool = False,
        after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> list[LetterRow]:
        """Open dead letters, oldest first; with `every` those that were worked too. Next page: `after` the last id."""
        async with desk.read() as connection:
            found = await operators.dead_letters(connection, every=every, after=after, limit=limit)
        return [LetterRow(**_row(letter)) for letter in found]

    @router.get("/dead-letters/{letter}")
    async def show_dead_letter(letter: LetterId, _: admin) -> LetterView:
        """One dead letter with its headers and the shape of its value."""
        async with desk.read() as connection:
            found = await operators.dead_letter(connection, letter)
            record = await editing.opened(connection, letter, desk.seals)
        shape = asdict(editing.shape(record))
        ours = record.topic in OWNER_TOPICS
        return LetterView(
            **_row(found),
            headers={
                name: value.decode("utf-8", "backslashreplace")
                if value is not None and _may_show(name, ours)
                else None
                for name, value in record.headers
            },
            value=LetterShape(json_kind=shape.pop("json"), **shape),
        )

    @router.post("/dead-letters/{letter}/release")
    async def release_dead_letter(letter: LetterId, why: Why, caller: admin) -> LetterRow:
        """Have it worked again, then what waits behind it. Twice is harmless."""
        async with desk.read() as connection:
            await operators.dead_letter(connection, letter)
            await operators.release(connection, [letter], caller, why.reason, desk.clock())
            return LetterRow(**_row(await operators.dead_letter(connection, letter)))

    @router.post("/dead-letters/{letter}/discard")
    async def discard_dead_letter(letter: LetterId, why: Why, caller: admin) -> LetterRow:
        """Give it up; what waits behind it goes on. One that was given up already stays so."""
        async with desk.read() as connection:
            if (await operators.dead_letter(connection, letter)).status != "discarded":
                await operators.discard(connection, letter, caller, why.reason, desk.clock())
            return LetterRow(**_row(await operators.dead_letter(connection, letter)))

    @router.post("/dead-letters/{letter}/edit")
    async def edit_dead_letter(letter: LetterId, edit: Edit, caller: admin) -> LetterRow:
        """Change an open one's value or headers; it keeps id and number, and what it was. Release it afterwards."""
        change = editing.Change(
            value=None if edit.value is None else edit.value.encode(), patch=edit.patch, headers=edit.headers
        )
        async with desk.read() as connection:
            await editing.edit(connection, letter, change, desk.seals, caller, edit.reason, desk.clock())
            return LetterRow(**_row(await operators.dead_letter(connection, letter)))

    @router.get("/parked")
    async def list_parked(_: admin) -> list[ParkedRow]:
        """Complaints with a stream that waits behind a gap or a dead letter, the longest first."""
        async with desk.read() as connection:
            found = await operators.parked(connection)
        return [
            ParkedRow(complaint_id=key, topic=topic, cause=cause, since=since, waiting=waiting)
            for key, topic, cause, since, waiting in found
        ]

    @router.post("/gaps/{complaint_id}/{topic}/accept", status_code=204)
    async def accept_gap(complaint_id: UUID, topic: str, why: Why, caller: admin) -> None:
        """Give up numbers that will never come; what waits behind them goes on."""
        async with desk.read() as connection:
            await operators.accept_gap(connection, complaint_id, topic, caller, why.reason, desk.clock())

    @router.get("/stopped")
    async def show_stopped(_: admin) -> StoppedView:
        """Whether the consumer stopped itself, and why."""
        async with desk.read() as connection:
            found = await operators.stopped(connection)
        return (
            StoppedView(stopped=False)
            if found is None
            else StoppedView(stopped=True, since=found[0], reason=found[1])
        )

    @router.post("/stopped/resume", status_code=204, responses={404: {"description": "It has not stopped."}})
    async def resume(why: Why, caller: admin) -> None:
        """Let a consumer that stopped itself go on, after a mend."""
        async with desk.read() as connection:
            await operators.resume(connection, caller, why.reason, desk.clock())

    return router


def _may_show(name: str, ours: bool) -> bool:
    return name in _SHOWN or (ours and name.startswith("ce_"))


def _row(letter: DeadLetter) -> dict[str, Any]:
    row = asdict(letter)
    number = row.pop("sequence")
    return row | {
        "complaint_id": row.pop("key"),
        "number": None if number is None else sequence.wire(number),
    }
