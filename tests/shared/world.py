"""A toy service that hears real events, for tests of the delivery frame: it counts what reporters wrote."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID, uuid4

import asyncpg

from shared.database import Pool, Transaction
from shared.decision import Decision, Refused
from shared.delivery import envelope, saying, sequence
from shared.delivery.desk import Desk
from shared.delivery.fold import Fold
from shared.delivery.metrics import Metrics
from shared.delivery.posting import Poster
from shared.delivery.record import KeptRecord
from shared.events.fact import Event, Fact
from shared.events.ids import complaint_id
from shared.events.intake import CitizenReplied, ComplaintErased
from shared.events.parts import By, FieldError
from shared.events.receipts import SubmissionAccepted, SubmissionRefused
from shared.events.routing import ComplaintClosed
from shared.events.submissions import SubmissionPosted
from shared.events.words import Scope

NOON = datetime(2026, 3, 2, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Tally:
    """What was written about one complaint, in order."""

    key: UUID
    texts: tuple[str, ...] = ()
    size: int = 0


class Write(Fact):
    """An act: somebody at a counter writes too."""

    text: str


@dataclass
class World:
    """What the toy's rules can be told to do."""

    broken: ClassVar[bool] = False


def on_reply(tally: Tally, event: CitizenReplied, city: World, now: datetime) -> Decision[Tally]:
    return _write(tally, event.text, city, now)


def on_write(tally: Tally, act: Write, city: World, now: datetime) -> Decision[Tally]:
    if act.text == "forbidden":
        raise Refused([FieldError(field="text", reason="is forbidden")], conflict=True)
    return _write(tally, act.text, city, now)


def on_submission(tally: Tally, event: SubmissionPosted, city: World, now: datetime) -> Decision[Tally]:
    wrote = _write(tally, event.text, city, now)
    receipt = SubmissionAccepted(
        source=event.source,
        reference=event.reference,
        ticket="0123456789A",
        complaint_id=tally.key,
        repeated=False,
    )
    return Decision(wrote.state, [receipt])


def on_erased(tally: Tally, event: ComplaintErased, city: World, now: datetime) -> Decision[Tally]:
    return Decision(tally, forgets=event.scope)


def forget(tally: Tally, scope: Scope) -> Tally:
    bare = replace(tally, texts=tuple("" for _ in tally.texts)) if scope == "complaint" else tally
    return tally if bare == tally else bare


def _write(tally: Tally, text: str, city: World, now: datetime) -> Decision[Tally]:
    if text == "raise" or (city.broken and text.startswith("breaks")):
        raise KeyError("the citizen wrote: secret words")
    size = tally.size + (100_000 if text == "refused by the store" else 1)
    said = ComplaintClosed(at=now, by=By(kind="rule"), kind="closed", reason=text)
    return Decision(replace(tally, texts=(*tally.texts, text), size=size), [said])


async def load(tx: Transaction, keys: Sequence[UUID]) -> Mapping[UUID, Tally]:
    rows = await tx.fetch("SELECT key, texts, size FROM tallies WHERE key = ANY($1::uuid[])", keys)
    known = {row["key"]: Tally(row["key"], tuple(row["texts"]), row["size"]) for row in rows}
    return {key: known.get(key, Tally(key)) for key in keys}


async def save(tx: Transaction, tallies: Mapping[UUID, Tally]) -> None:
    await tx.executemany(
        "INSERT INTO tallies (key, texts, size) VALUES ($1, $2, $3::int)"
        " ON CONFLICT (key) DO UPDATE SET texts = excluded.texts, size = excluded.size",
        [(tally.key, list(tally.texts), tally.size) for tally in tallies.values()],
    )


async def city(_: Transaction) -> World:
    return World()


fold = Fold(
    {
        CitizenReplied: on_reply,
        ComplaintErased: on_erased,
        SubmissionPosted: on_submission,
        Write: on_write,
    },
    load=load,
    save=save,
    city=city,
    forget=forget,
    keys={SubmissionPosted: lambda event: complaint_id(event.source, event.reference)},
    refuses={
        SubmissionPosted: lambda source, reference, errors: SubmissionRefused(
            source=source, reference=reference, errors=tuple(errors)
        )
    },
)


async def make_tallies(dsn: str) -> None:
    """The toy's own table, made by the owner of its store."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "CREATE TABLE tallies (key uuid PRIMARY KEY, texts text[] NOT NULL,"
        " size integer NOT NULL CHECK (size < 1000)); GRANT ALL ON tallies TO routing"
    )
    await connection.close()


async def open_desk(pool: Pool) -> Desk[Tally, World]:
    """A desk over a store that has the frame's tables."""
    async with pool.acquire() as connection:
        await saying.make_months(connection, datetime.now(UTC).date())  # noqa: TID251
    return Desk(
        name="toy",
        pool=pool,
        fold=fold,
        epoch=1,
        metrics=Metrics(),
        seals=lambda _: None,
        poster=Poster(["127.0.0.1:1"], "toy"),
    )


class Owner:
    """Another service, saying numbered events about complaints."""

    def __init__(self) -> None:
        self._numbers: dict[UUID, int] = {}
        self._offsets = itertools.count()

    def replies(self, key: UUID, text: str) -> KeptRecord:
        """The next event about this complaint."""
        return self.record(key, CitizenReplied(at=NOON, text=text), self.next_number(key))

    def next_number(self, key: UUID) -> int:
        """The number of the next event about this complaint."""
        number = sequence.following(self._numbers.get(key, 0), 1)
        self._numbers[key] = number
        return number

    def record(self, key: UUID, event: Event, number: int | None, **changed: object) -> KeptRecord:
        """Any record of it; `changed` replaces fields of the record."""
        event_id = uuid4()
        headers = envelope.headers(
            "intake", key, event.topic, str(key), event.type, event_id, number, NOON, None, event_id, ""
        )
        made = KeptRecord(
            event.topic,
            key.int % 12,
            next(self._offsets),
            int(NOON.timestamp() * 1000),
            str(key).encode(),
            event.write(),
            tuple(headers),
        )
        return replace(made, **changed)  # type: ignore[arg-type]


def submission(reference: str, text: str, *, offset: int, **changed: object) -> KeptRecord:
    """A stranger's record, without a single header."""
    event = SubmissionPosted(
        source="warga", reference=reference, channel="web", reported_at=NOON - timedelta(hours=1), text=text
    )
    made = KeptRecord("intake.submissions", 0, offset, int(NOON.timestamp() * 1000), None, event.write(), ())
    return replace(made, **changed)  # type: ignore[arg-type]
