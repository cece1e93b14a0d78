"""Intake's tables of complaints: timeline, early facts, candidates; and the city's names. Files are in `filing`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

from services.intake import filing, vault
from services.intake.domain.channels import CHANNELS
from services.intake.domain.city import City
from services.intake.domain.complaint import (
    Addressee,
    Candidacy,
    Complaint,
    Complaints,
    Content,
    Newcomer,
    Rating,
)
from services.intake.domain.keyed import Subkeys, secret_hash
from services.intake.domain.own import Receipt
from services.intake.domain.public import Card, Survivor
from services.intake.domain.tickets import ticket_for
from services.intake.domain.timeline import NOBODYS, Step
from shared.database import Connection, Transaction
from shared.delivery import forgetting
from shared.events.catalogue import EVENTS
from shared.events.fact import Event
from shared.events.intake import ComplaintReceived
from shared.events.parts import ComplaintRef, Place
from shared.sealing import Seal

if TYPE_CHECKING:
    from asyncpg import Record

_REFS = TypeAdapter(tuple[ComplaintRef, ...])

_TICKETS_TRIED = 3
"""Ordinals asked for at once for a complaint that is not in yet; the first free one is its ticket."""


async def load_complaints(tx: Transaction, ids: Sequence[UUID], *, keys: Subkeys) -> Complaints:
    """The state of each; where one is not in yet a blank one, with a free ticket and its early facts."""
    rows = await tx.fetch(
        """SELECT complaint_id, ticket, submission_id, fingerprint, status, opd, awaits, lapor_id,
                  lapor_items, steps, channel, conversation, title, text, place, category_hint, klasifikasi,
                  anonymous, confidential, forward, rated, merged_into, absorbed,
                  attachments, evidence, unfetched, erased
             FROM complaints WHERE complaint_id = ANY($1::uuid[])""",
        ids,
    )
    known = {
        row["complaint_id"]: Complaint(
            id=row["complaint_id"],
            ticket=row["ticket"],
            submission=row["submission_id"],
            fingerprint=row["fingerprint"],
            status=row["status"],
            opd=row["opd"],
            awaits=row["awaits"],
            lapor_id=row["lapor_id"],
            lapor_items=frozenset(json.loads(row["lapor_items"])),
            steps=row["steps"],
            channel=row["channel"],
            conversation=row["conversation"],
            content=_content(row),
            rated=None if row["rated"] is None else Rating.model_validate_json(row["rated"]),
            merged_into=_ref(row["merged_into"]),
            absorbed=_REFS.validate_json(row["absorbed"] or "[]"),
            attachments=filing.ATTACHMENTS.validate_json(row["attachments"]),
            evidence=filing.ATTACHMENTS.validate_json(row["evidence"] or "[]"),
            unfetched=filing.UNFETCHED.validate_json(row["unfetched"] or "[]"),
            erased=row["erased"],
        )
        for row in rows
    }
    found = [one.id for one in known.values() if one.channel in CHANNELS and CHANNELS[one.channel].candidate]
    for complaint, candidacy in (await _candidacies(tx, found) if found else {}).items():
        known[complaint] = replace(known[complaint], candidacy=candidacy)
    followed = [one for one in known.values() if one.absorbed]
    for complaint, followers in (await _followers(tx, followed) if followed else {}).items():
        known[complaint] = replace(known[complaint], followers=followers)
    blank = [complaint for complaint in dict.fromkeys(ids) if complaint not in known]
    return known | await _blank_ones(tx, blank, keys) if blank else known


def _content(row: "Record") -> Content:
    said = {name: row[name] for name in Content.model_fields if name != "place"}
    return Content(place=_place(row["place"]), **said)


def _place(kept: str | None) -> Place | None:
    return None if kept is None else Place.model_validate_json(kept)


def _ref(kept: str | None) -> ComplaintRef | None:
    return None if kept is None else ComplaintRef.model_validate_json(kept)


async def _followers(tx: Transaction, survivors: Sequence[Complaint]) -> dict[UUID, tuple[Addressee, ...]]:
    """Those who are to be told of what befalls these, because theirs were merged into them.

    Their rows are held meanwhile: somebody who is being erased is waited for, and then is nobody to tell.
    """
    merged = {ref.complaint_id: one.id for one in survivors for ref in one.absorbed}
    rows = await tx.fetch(
        "SELECT complaint_id, ticket, channel, conversation, confidential FROM complaints"
        " WHERE complaint_id = ANY($1::uuid[]) AND conversation IS NOT NULL ORDER BY complaint_id FOR SHARE",
        list(merged),
    )
    found: dict[UUID, tuple[Addressee, ...]] = {}
    for row in rows:
        survivor = merged[row["complaint_id"]]
        found[survivor] = (*found.get(survivor, ()), _follower(row))
    return found


def _follower(row: "Record") -> Addressee:
    return Addressee(
        complaint=row["complaint_id"],
        ticket=row["ticket"],
        channel=row["channel"],
        conversation=row["conversation"],
        confidential=row["confidential"],
        follows=True,
    )


_FIRST = """
SELECT f.ticket FROM candidates AS e JOIN complaints AS f USING (complaint_id)
 WHERE e.link = d.link AND (e.since, e.complaint_id) < (d.since, d.complaint_id)
   AND (f.erased IS NULL OR f.status NOT IN ('candidate', 'dropped'))
 ORDER BY e.since, e.complaint_id LIMIT 1
"""
"""Who found the link of the candidate `d` before; the first of them. One that was erased stands in nobody's way."""


async def _candidacies(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, Candidacy]:
    rows = await tx.fetch(
        f"""SELECT c.*, d.link, d.since, d.decided_at, ({_FIRST}) AS same_as
              FROM candidates AS d JOIN complaints AS c USING (complaint_id)
             WHERE d.complaint_id = ANY($1::uuid[])""",  # noqa: S608
        ids,
    )
    return {
        row["complaint_id"]: Candidacy(
            link=row["link"],
            since=row["since"],
            decided_at=row["decided_at"],
            same_as=row["same_as"],
            received=_received(row) if row["decided_at"] is None else None,
        )
        for row in rows
    }


def _received(row: "Record") -> ComplaintReceived:
    """What the hub hears of a candidate that is accepted; `at` is set then."""
    said = {name: row[name] for name in ComplaintReceived.model_fields if name in row}
    return ComplaintReceived.model_validate(
        {
            **said,
            "at": None,
            "place": _place(row["place"]),
            "attachments": filing.ATTACHMENTS.validate_json(row["attachments"]),
            "lapor": None,
        }
    )


async def _keep_candidacies(tx: Transaction, complaints: Iterable[Complaint]) -> None:
    """Since when they wait, or when they were decided; one that was accepted is received from then on."""
    rows = [
        (one.id, one.candidacy.link, one.candidacy.since, one.candidacy.decided_at, one.status != "dropped")
        for one in complaints
        if one.candidacy is not None and one.fresh
    ]
    if not rows:
        return
    columns = list(map(list, zip(*rows, strict=True)))
    await tx.execute(
        "INSERT INTO candidates (complaint_id, link, since, decided_at)"
        " SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::timestamptz[], $4::timestamptz[])"
        " ON CONFLICT (complaint_id) DO UPDATE SET decided_at = excluded.decided_at",
        *columns[:4],
    )
    await tx.execute(
        "UPDATE complaints AS c SET received_at = u.at"
        " FROM unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) AS u (id, at, accepted)"
        " WHERE c.complaint_id = u.id AND u.accepted AND u.at IS NOT NULL AND c.received_at < u.at",
        columns[0],
        columns[3],
        columns[4],
    )


async def _blank_ones(tx: Transaction, ids: Sequence[UUID], keys: Subkeys) -> dict[UUID, Complaint]:
    candidates = {
        complaint: [ticket_for(complaint, ordinal, keys.tickets) for ordinal in range(_TICKETS_TRIED)]
        for complaint in ids
    }
    taken = {
        row["ticket"]
        for row in await tx.fetch(
            "SELECT ticket FROM complaints WHERE ticket = ANY($1::text[])",
            [ticket for tickets in candidates.values() for ticket in tickets],
        )
    }
    early = await _early_facts(tx, ids)
    blank: dict[UUID, Complaint] = {}
    for complaint, tickets in candidates.items():
        ticket = next((ticket for ticket in tickets if ticket not in taken), tickets[0])
        taken.add(ticket)
        blank[complaint] = Complaint(complaint, ticket, early=tuple(early.get(complaint, ())))
    return blank


async def _early_facts(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, list[Event]]:
    facts: dict[UUID, list[Event]] = {}
    for row in await tx.fetch(
        """SELECT complaint_id, type, event_id, value FROM early_facts
            WHERE complaint_id = ANY($1::uuid[]) ORDER BY complaint_id, position""",
        ids,
    ):
        fact = EVENTS[row["type"]].read(row["value"].encode()).known_as(row["event_id"])
        facts.setdefault(row["complaint_id"], []).append(fact)
    return facts


async def save_complaints(tx: Transaction, changed: Mapping[UUID, Complaint], *, seal: Seal) -> None:
    """Write what changed: newcomers whole, of others how they stand and what is new on their timeline."""
    newcomers = [(c, c.newcomer) for c in changed.values() if c.newcomer is not None]
    await _insert_newcomers(tx, newcomers, seal)
    known = [c for c in changed.values() if c.is_known and c.newcomer is None]
    await _update_standing(tx, known)
    await _amend(tx, [c for c in known if any(step.code == "amended" for step in c.fresh)])
    await _rename(tx, {c.id: c.pseudonym for c in known if c.pseudonym is not None})
    await _amend_identities(tx, {c.id: c.amended for c in known if c.amended is not None}, seal)
    await filing.keep_files(tx, changed.values(), seal)
    await filing.list_files(tx, [c for c in changed.values() if not c.files_listed])
    await _append_steps(tx, changed.values())
    await _keep_candidacies(tx, changed.values())
    await _keep_early_facts(tx, [c for c in changed.values() if not c.is_known])
    await _erase(tx, [c for c in changed.values() if c.is_known and c.erasing is not None])


_COMPLAINT_COLUMNS = (
    "complaint_id", "ticket", "submission_id", "fingerprint", "source", "reference", "channel", "reported_at",
    "received_at", "title", "text", "place", "category_hint", "klasifikasi", "anonymous", "confidential",
    "forward", "reporter", "attachments", "lapor", "secret_hash", "status", "opd", "awaits", "lapor_id",
    "lapor_items", "steps", "rated", "merged_into", "absorbed", "conversation",
)  # fmt: skip


async def _insert_newcomers(
    tx: Transaction, newcomers: Sequence[tuple[Complaint, Newcomer]], seal: Seal
) -> None:
    if not newcomers:
        return
    await tx.copy_records_to_table(
        "complaints",
        columns=_COMPLAINT_COLUMNS,
        records=[_complaint_row(complaint, newcomer) for complaint, newcomer in newcomers],
    )
    identities = {complaint.id: newcomer.identity for complaint, newcomer in newcomers}
    await vault.keep_identities(tx, identities, await vault.make_keys(tx, identities, "identity", seal))
    await tx.execute(
        "DELETE FROM early_facts WHERE complaint_id = ANY($1::uuid[])",
        [complaint.id for complaint, _ in newcomers],
    )


def _complaint_row(complaint: Complaint, newcomer: Newcomer) -> tuple[Any, ...]:
    received = newcomer.received
    return (
        complaint.id,
        complaint.ticket,
        complaint.submission,
        newcomer.fingerprint,
        received.source,
        received.reference,
        received.channel,
        received.reported_at,
        received.received_at,
        received.title,
        received.text,
        _json(received.place),
        received.category_hint,
        received.klasifikasi,
        received.anonymous,
        received.confidential,
        received.forward,
        received.reporter,
        json.dumps([attachment.model_dump(mode="json") for attachment in received.attachments]),
        _json(received.lapor),
        secret_hash(newcomer.secret),
        *_standing(complaint),
        complaint.conversation,
    )


def _standing(complaint: Complaint) -> tuple[Any, ...]:
    return (
        complaint.status,
        complaint.opd,
        complaint.awaits,
        complaint.lapor_id,
        json.dumps(sorted(complaint.lapor_items)),
        complaint.steps,
        _json(complaint.rated),
        _json(complaint.merged_into),
        _REFS.dump_json(complaint.absorbed).decode() if complaint.absorbed else None,
    )


def _json(part: BaseModel | None) -> str | None:
    return None if part is None else part.model_dump_json()


async def _update_standing(tx: Transaction, complaints: Sequence[Complaint]) -> None:
    if not complaints:
        return
    rows = [(complaint.id, *_standing(complaint)) for complaint in complaints]
    await tx.execute(
        """UPDATE complaints AS c
              SET status = u.status, opd = u.opd, awaits = u.awaits, lapor_id = u.lapor_id,
                  lapor_items = u.lapor_items::jsonb, steps = u.steps, rated = u.rated::jsonb,
                  merged_into = u.merged_into::jsonb, absorbed = u.absorbed::jsonb
             FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::bigint[],
                         $8::text[], $9::text[], $10::text[])
               AS u (complaint_id, status, opd, awaits, lapor_id, lapor_items, steps, rated, merged_into,
                     absorbed)
            WHERE c.complaint_id = u.complaint_id""",
        *map(list, zip(*rows, strict=True)),
    )


async def _amend(tx: Transaction, complaints: Sequence[Complaint]) -> None:
    """What these say now, in place of what they said."""
    contents = [
        (complaint.id, complaint.content) for complaint in complaints if complaint.content is not None
    ]
    if not contents:
        return
    rows = [
        (
            complaint,
            content.title,
            content.text,
            _json(content.place),
            content.category_hint,
            content.klasifikasi,
            content.anonymous,
            content.confidential,
            content.forward,
        )
        for complaint, content in contents
    ]
    await tx.execute(
        """UPDATE complaints AS c
              SET title = u.title, text = u.text, place = u.place::jsonb, category_hint = u.category_hint,
                  klasifikasi = u.klasifikasi, anonymous = u.anonymous, confidential = u.confidential,
                  forward = u.forward
             FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                         $7::boolean[], $8::boolean[], $9::boolean[])
               AS u (complaint_id, title, text, place, category_hint, klasifikasi, anonymous, confidential,
                     forward)
            WHERE c.complaint_id = u.complaint_id""",
        *map(list, zip(*rows, strict=True)),
    )


async def _rename(tx: Transaction, pseudonyms: Mapping[UUID, str]) -> None:
    """Another pseudonym for these reporters, also in what was said before: it may be said again."""
    if not pseudonyms:
        return
    rows = await tx.fetch(
        "SELECT complaint_id, reporter FROM complaints WHERE complaint_id = ANY($1::uuid[]) AND reporter <> ''",
        list(pseudonyms),
    )
    await tx.execute(
        "UPDATE complaints AS c SET reporter = n.pseudonym FROM unnest($1::uuid[], $2::text[]) AS n (id, pseudonym)"
        " WHERE c.complaint_id = n.id AND c.reporter <> ''",
        list(pseudonyms),
        list(pseudonyms.values()),
    )
    renamed = {row["complaint_id"]: (row["reporter"], pseudonyms[row["complaint_id"]]) for row in rows}
    await forgetting.reword(tx, renamed, ComplaintReceived)


async def _amend_identities(
    tx: Transaction, amended: Mapping[UUID, Mapping[str, str | None]], seal: Seal
) -> None:
    """The sealed words in step with the masked ones, where they are still known."""
    if not amended:
        return
    known = await vault.identities(tx, list(amended), seal)
    now = {one: identity.model_copy(update=dict(amended[one])) for one, identity in known.items()}
    await vault.keep_identities(tx, now, await vault.keys_for(tx, list(now), "identity", seal))


async def _erase(tx: Transaction, complaints: Sequence[Complaint]) -> None:
    """Take out what leads to their reporters, and where all is to go the words and files too."""
    if not complaints:
        return
    await vault.forget(tx, [complaint.id for complaint in complaints], "identity")
    await tx.execute(
        """UPDATE complaints AS c SET erased = u.scope, conversation = NULL, reporter = ''
             FROM unnest($1::uuid[], $2::text[]) AS u (complaint_id, scope)
            WHERE c.complaint_id = u.complaint_id""",
        [complaint.id for complaint in complaints],
        [complaint.erasing for complaint in complaints],
    )
    whole = [complaint.id for complaint in complaints if complaint.erasing == "complaint"]
    if not whole:
        return
    await filing.forget_files(tx, whole)
    await tx.execute(
        """UPDATE complaints SET title = '', text = '', place = place - '{text,lat,lon}'::text[],
                  category_hint = NULL, attachments = '[]', evidence = NULL, unfetched = NULL,
                  lapor = lapor - 'text_before_edit', rated = rated || '{"text": null}'
            WHERE complaint_id = ANY($1::uuid[])""",
        whole,
    )
    await tx.execute("UPDATE timeline SET text = NULL WHERE complaint_id = ANY($1::uuid[])", whole)


async def _append_steps(tx: Transaction, complaints: Iterable[Complaint]) -> None:
    records = [
        (complaint.id, position, step.code, step.at, step.event_id, step.opd, step.text, step.reference)
        for complaint in complaints
        for position, step in enumerate(complaint.fresh, start=complaint.steps - len(complaint.fresh) + 1)
    ]
    if records:
        await tx.copy_records_to_table(
            "timeline",
            columns=("complaint_id", "position", "code", "at", "event_id", "opd", "text", "reference"),
            records=records,
        )


async def _keep_early_facts(tx: Transaction, complaints: Sequence[Complaint]) -> None:
    """Facts ahead of their complaint; those that are kept already stay as they are."""
    rows = [
        (complaint.id, position, fact.type, fact.id, fact.write().decode())
        for complaint in complaints
        for position, fact in enumerate(complaint.early, start=1)
    ]
    if rows:
        await tx.execute(
            """INSERT INTO early_facts (complaint_id, position, type, event_id, value)
               SELECT complaint_id, position, type, event_id, value::jsonb
                 FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::uuid[], $5::text[])
                   AS u (complaint_id, position, type, event_id, value)
               ON CONFLICT DO NOTHING""",
            *map(list, zip(*rows, strict=True)),
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate that waits. `posts`: how many submissions have found its link."""

    complaint_id: UUID
    ticket: str
    channel: str
    source: str
    reference: str
    since: datetime
    title: str
    text: str
    posts: int


async def waiting_candidates(
    connection: Connection, after: tuple[datetime, UUID] | None, limit: int
) -> list[Found]:
    """Candidates that wait, each link once, the longest waiting first, behind that one."""
    since, key = after or (None, None)
    rows = await connection.fetch(
        f"""SELECT d.complaint_id, c.ticket, c.channel, c.source, c.reference, d.since, c.title, c.text,
                   (SELECT count(*) FROM candidates AS e WHERE e.link = d.link) AS posts
              FROM candidates AS d JOIN complaints AS c USING (complaint_id)
             WHERE d.decided_at IS NULL AND NOT EXISTS ({_FIRST})
               AND ($1::timestamptz IS NULL OR (d.since, d.complaint_id) > ($1, $2::uuid))
             ORDER BY d.since, d.complaint_id LIMIT $3""",  # noqa: S608
        since,
        key,
        limit,
    )
    return [Found(**row) for row in rows]


async def first_of_link(connection: Connection, ticket: str) -> str:
    """The ticket under which the post of this candidate was found first; of all others the ticket itself."""
    first: str | None = await connection.fetchval(
        f"""SELECT ({_FIRST}) FROM candidates AS d JOIN complaints AS c USING (complaint_id)
             WHERE c.ticket = $1""",  # noqa: S608
        ticket,
    )
    return first or ticket


async def find_card(connection: Connection, ticket: str) -> Card | None:
    """What is known of the complaint with this ticket, its timeline in order; None where there is none."""
    row = await connection.fetchrow(
        """SELECT c.complaint_id, c.ticket, c.channel, c.reported_at, c.received_at, c.title, c.text, c.place,
                  c.anonymous, c.confidential, c.status, c.opd, c.erased, s.ticket AS into_ticket,
                  s.confidential AS into_confidential
             FROM complaints AS c
             LEFT JOIN complaints AS s ON s.complaint_id = (c.merged_into ->> 'complaint_id')::uuid
            WHERE c.ticket = $1""",
        ticket,
    )
    if row is None:
        return None
    steps = await connection.fetch(
        """SELECT code, at, event_id, opd, text, reference
             FROM timeline WHERE complaint_id = $1 ORDER BY position""",
        row["complaint_id"],
    )
    return Card(
        ticket=row["ticket"],
        channel=row["channel"],
        reported_at=row["reported_at"],
        received_at=row["received_at"],
        title=row["title"],
        text=row["text"],
        place=_place(row["place"]),
        anonymous=row["anonymous"],
        confidential=row["confidential"],
        status=row["status"],
        opd=row["opd"],
        erased=row["erased"],
        merged_into=None
        if row["into_ticket"] is None
        else Survivor(row["into_ticket"], confidential=row["into_confidential"]),
        steps=tuple(Step(**step) for step in steps),
    )


async def receipts_of(
    connection: Connection, source: str, *, references: Sequence[str], after: str | None, limit: int
) -> list[Receipt]:
    """What one source handed in, by reference: all of it from `after` on, or these references alone.

    A post that somebody else had found before stands as that first find does.
    """
    rows = await connection.fetch(
        f"""SELECT c.reference, c.ticket, c.complaint_id, c.received_at,
                   c.confidential OR coalesce(first.confidential, false) AS confidential,
                   coalesce(first.status, c.status) AS status, coalesce(first.opd, c.opd) AS opd,
                   coalesce(first.merged_into, c.merged_into) IS NOT NULL AS merged
              FROM complaints AS c
              LEFT JOIN candidates AS d ON d.complaint_id = c.complaint_id AND c.status = 'candidate'
              LEFT JOIN complaints AS first ON first.ticket = ({_FIRST})
             WHERE c.source = $1 AND ($2::text[] = '{{}}' OR c.reference = ANY($2))
               AND ($3::text IS NULL OR c.reference > $3)
             ORDER BY c.reference LIMIT $4""",  # noqa: S608
        source,
        list(references),
        after,
        limit,
    )
    return [Receipt(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class Doorway:
    """What decides who may act on a complaint, and those that an act on it concerns too. `opd` has it now."""

    ref: ComplaintRef
    source: str
    opd: str | None
    anonymous: bool
    secret_hash: bytes | None
    merged_into: ComplaintRef | None
    absorbed: tuple[ComplaintRef, ...]


async def find_doorway(connection: Connection, ticket: str) -> Doorway | None:
    """The complaint with this ticket, as far as its door is concerned; None where there is none."""
    row = await connection.fetchrow(
        """SELECT complaint_id, ticket, source, status, opd, anonymous, secret_hash, merged_into, absorbed
             FROM complaints WHERE ticket = $1""",
        ticket,
    )
    if row is None:
        return None
    return Doorway(
        ref=ComplaintRef(complaint_id=row["complaint_id"], ticket=row["ticket"]),
        source=row["source"],
        opd=None if row["status"] in NOBODYS else row["opd"],
        anonymous=row["anonymous"],
        secret_hash=row["secret_hash"],
        merged_into=_ref(row["merged_into"]),
        absorbed=_REFS.validate_json(row["absorbed"] or "[]"),
    )


class CityNames:
    """The city's names in its newest version, read again only when a newer one was loaded."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._city = City()

    async def read(self, connection: Connection) -> City:
        """The names in force; where no city was loaded yet, codes have to do."""
        version = await connection.fetchval("SELECT max(version) FROM city_versions")
        if version is not None and version != self._version:
            documents = await connection.fetchval(
                "SELECT documents FROM city_versions WHERE version = $1", version
            )
            self._city, self._version = City.from_documents(json.loads(documents)), version
        return self._city
