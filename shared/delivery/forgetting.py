"""Forgetting: what the frame itself keeps of an erased complaint loses its words; ids, numbers and types stay.

What was said (in all months, published or not), what waits, dead letters and what they were before an edit, answers to
commands. The state is the service's own (`Fold.forget`).
"""

from collections.abc import Mapping
from uuid import UUID

from pydantic import ValidationError

from shared.database import Transaction
from shared.delivery.record import unpack_headers
from shared.events.catalogue import EVENTS
from shared.events.fact import Event
from shared.events.notices import NoticeRequested
from shared.events.words import STATEMENTS, Scope, is_touched, wordless


def wordless_value(kind: str | None, value: bytes | None, scope: Scope) -> bytes | None:
    """A record's value without what `scope` erases. None where it cannot be read: then nothing of it is kept."""
    known = EVENTS.get(kind or "")
    if value is None or known is None:
        return None
    if not is_touched(known, scope):
        return value
    if scope == "complaint" and known in STATEMENTS:
        return None
    try:
        return wordless(known.read(value), scope).write()
    except ValidationError:
        return None


async def forget(tx: Transaction, erased: Mapping[UUID, Scope]) -> None:
    """Take the words of these complaints, whose rows are locked, out of all that the frame keeps."""
    for key, scope in erased.items():
        await _forget_said(tx, key, scope)
        await _forget_notices(tx, key)
        await _forget_waiting(tx, key, scope)
        await _forget_letters(tx, key, scope)
        if scope == "complaint":
            await _forget_answers(tx, key)


async def reword(tx: Transaction, words: Mapping[UUID, tuple[str, str]], kind: type[Event]) -> None:
    """In what was said of this type about these complaints, put the second of two words in place of the first."""
    await tx.execute(
        "UPDATE delivery.said AS s SET value = convert_to(replace(convert_from(s.value, 'UTF8'), n.old, n.new), 'UTF8')"
        " FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n (key, old, new) WHERE s.key = n.key AND s.type = $4",
        list(words),
        [old for old, _ in words.values()],
        [new for _, new in words.values()],
        kind.type,
    )


async def _forget_said(tx: Transaction, key: UUID, scope: Scope) -> None:
    touched = [name for name, kind in EVENTS.items() if is_touched(kind, scope)]
    rows = await tx.fetch(
        "SELECT month, position, type, value FROM delivery.said WHERE key = $1 AND type = ANY($2::text[])",
        key,
        touched,
    )
    blank = [(row[0], row[1], wordless_value(row[2], row[3], scope)) for row in rows]
    await tx.execute(
        "UPDATE delivery.said AS s SET value = n.value"
        " FROM unnest($1::date[], $2::bigint[], $3::bytea[]) AS n (month, position, value)"
        " WHERE s.month = n.month AND s.position = n.position AND s.value IS DISTINCT FROM n.value",
        *([row[at] for row in blank] for at in range(3)),
    )


async def _forget_notices(tx: Transaction, key: UUID) -> None:
    """There is nobody to tell any more. A notice's own key names the conversation: none is kept, or sent again."""
    await tx.execute(
        "DELETE FROM delivery.outbox AS o USING delivery.said AS s WHERE o.key = $1 AND s.key = $1"
        " AND s.month = o.month AND s.position = o.position AND s.topic = $2",
        key,
        NoticeRequested.topic,
    )
    await tx.execute("DELETE FROM delivery.said WHERE key = $1 AND topic = $2", key, NoticeRequested.topic)


async def _forget_waiting(tx: Transaction, key: UUID, scope: Scope) -> None:
    rows = await tx.fetch("SELECT topic, sequence, headers, value FROM delivery.waiting WHERE key = $1", key)
    await tx.executemany(
        "UPDATE delivery.waiting SET value = $4 WHERE key = $1 AND topic = $2 AND sequence = $3",
        [
            (key, topic, number, wordless_value(_type(headers), value, scope))
            for topic, number, headers, value in rows
        ],
    )


async def _forget_letters(tx: Transaction, key: UUID, scope: Scope) -> None:
    """A sealed one is not opened for it: it loses its value whole."""
    rows = await tx.fetch(
        "SELECT id, sealed, headers, value FROM delivery.dead_letters WHERE key = $1 AND value IS NOT NULL",
        key,
    )
    await tx.executemany(
        "UPDATE delivery.dead_letters SET value = $2 WHERE id = $1",
        [
            (letter, None if sealed else wordless_value(_type(headers), value, scope))
            for letter, sealed, headers, value in rows
        ],
    )
    await tx.execute(
        "UPDATE delivery.letter_edits AS e SET value = NULL FROM delivery.dead_letters AS d"
        " WHERE d.id = e.letter AND d.key = $1",
        key,
    )


async def _forget_answers(tx: Transaction, key: UUID) -> None:
    """A repeat of such a command is told how the complaint stands now. Older rows do not name their complaint."""
    await tx.execute(
        "UPDATE delivery.commands SET answer = '', key = $1"
        " WHERE key = $1 OR (key IS NULL AND position($2::bytea IN answer) > 0)",
        key,
        str(key).encode(),
    )


def _type(headers: bytes) -> str | None:
    kind = dict(unpack_headers(headers)).get("ce_type")
    return None if kind is None else kind.decode("utf-8", "replace")
