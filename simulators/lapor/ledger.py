"""The store of the simulated LAPOR and its ledger of who wrote what: SQLite, committed before any answer.

One process, one connection, one writer at a time. Every effect and its row in `writes` are one transaction;
after `kill -9` the file holds exactly what was answered, and at most one write more.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from simulators.complaints.model import Report
from simulators.complaints.reference import tables
from simulators.lapor import statuses

Row = sqlite3.Row
Side = Literal["api", "control", "timer"]
FIRST_OWN_ID = 9_700_001
"""Reports born here count up from the ids of the generator (which end before 9,600,000)."""


class Unknown(LookupError):
    """No such report, institution, category or file; the text names the kind and the id."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes: the API key's name, or who acts by the control API or the clock; and the request's id."""

    side: Side
    name: str
    request_id: str


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report as it comes in by the API or by the control API."""

    title: str
    text: str
    reporter: str
    source: str
    klasifikasi: str | None = None
    category_id: str | None = None
    anonymous: bool = False
    confidential: bool = False
    priority: bool = False
    disposed_id: str | None = None
    location_id: str | None = None
    incident_on: str | None = None
    tags: str | None = None
    files: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NewItem:
    """A follow-up: by an institution when `institution_from_id` is given, else by the reporter."""

    content: str | None
    user_id: str | None = None
    institution_from_id: str | None = None
    institution_to_id: str | None = None
    template_code: str | None = None
    rating: int | None = None
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file as it was sent."""

    name: str
    media_type: str
    body: bytes


class Ledger:
    """The open store. `now` is always given; nothing here asks the clock."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; its folder must exist."""
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(Path(__file__).with_name("schema.sql").read_text("utf-8"))
        known = tables()
        with self._writing():
            self._db.executemany(
                "INSERT INTO institutions (id, code, name, inside) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                [(i.id, i.code, i.name, i.inside) for i in known.institutions.values()],
            )
            self._db.executemany(
                "INSERT INTO categories (id, name) VALUES (?, ?) ON CONFLICT DO NOTHING",
                list(known.categories.items()),
            )

    def close(self) -> None:
        """Fold the write-ahead log in and close."""
        self._db.close()

    # ---- writing

    def create(self, new: NewReport, author: Author, now: datetime) -> str:
        """A new report, open; its tracking id. Raises Unknown."""
        if new.category_id is not None:
            self.category(new.category_id)
        if new.disposed_id is not None:
            self.institution(new.disposed_id)
        for file_id in new.files:
            self._one("SELECT id FROM files WHERE id = ?", (file_id,), f"file {file_id}")
        disposed = new.disposed_id is not None
        status = statuses.UNANSWERED if disposed else statuses.UNVERIFIED
        with self._writing():
            tracking_id = self._next_id()
            self._db.execute(
                """
                INSERT INTO reports (tracking_id, created_by, reported_at, updated_at, title, text_before,
                    text_after, klasifikasi, category_id, category, anonymous, confidential, priority, source,
                    parent_id, disposed_id, disposed_at, status, status_at, province, city, location_id,
                    incident_on, tags, reporter)
                VALUES (:id, :by, :at, :at, :title, :text, :text, :klasifikasi, :category_id,
                    (SELECT name FROM categories WHERE id = :category_id), :anonymous, :confidential,
                    :priority, :source, (SELECT id FROM institutions WHERE code = 'PEMKOT'), :disposed_id,
                    :disposed_at, :status, :at, 'Jambi', 'Kota Jambi', :location_id, :incident_on, :tags,
                    :reporter)
                """,
                {
                    "id": tracking_id,
                    "by": f"{author.side}:{author.name}",
                    "at": written(now),
                    "title": new.title,
                    "text": new.text,
                    "klasifikasi": new.klasifikasi,
                    "category_id": new.category_id,
                    "anonymous": new.anonymous,
                    "confidential": new.confidential,
                    "priority": new.priority,
                    "source": new.source,
                    "disposed_id": new.disposed_id,
                    "disposed_at": written(now) if disposed else None,
                    "status": status,
                    "location_id": new.location_id,
                    "incident_on": new.incident_on,
                    "tags": new.tags,
                    "reporter": new.reporter,
                },
            )
            self._db.executemany(
                "UPDATE files SET tracking_id = ? WHERE id = ?", [(tracking_id, f) for f in new.files]
            )
            self._log(tracking_id, status, "Laporan diterima", now)
            self._record(author, "create", now, tracking_id, status=status, text=f"{new.title}\n{new.text}")
        return tracking_id

    def keep_file(self, sent: UploadedFile, author: Author, now: datetime) -> int:
        """A file uploaded before its report; its id."""
        with self._writing():
            file_id = self._add_file(sent, None, None)
            self._record(author, "file", now, None, item=str(file_id), text=sent.body)
        return file_id

    def add_generated(
        self, reports: Iterable[Report], author: Author, now: datetime, *, backdate: bool
    ) -> list[str]:
        """Reports of the generator with their stories, all or none; ids already here stay untouched.

        They come up in the listing as updated `now`, with `backdate` as of their last change.
        """
        with self._writing():
            return [
                report.tracking_id
                for report in reports
                if self._add_generated(report, author, now, backdate=backdate)
            ]

    def act(
        self,
        tracking_id: str,
        act: str,
        author: Author,
        now: datetime,
        *,
        by: str | None = None,
        institution_id: str | None = None,
        item: NewItem | None = None,
        files: Sequence[UploadedFile] = (),
        text: str | None = None,
        note: str | None = None,
    ) -> Row:
        """Move a report by the table of statuses and write the item that belongs to it; the report after.

        `by`: who closes or archives. `institution_id`: whom it is disposed to. `text`: an admin's new
        wording. Raises Unknown and statuses.NotAllowed; nothing is written then.
        """
        before = self.report(tracking_id)
        if institution_id is not None:
            self.institution(institution_id)
        if item is not None:
            for named in (item.institution_from_id, item.institution_to_id):
                if named is not None:
                    self.institution(named)
        disposed = before["disposed_id"] is not None
        status = statuses.after(before["status"], act, by=by, disposed=disposed)
        changes: dict[str, Any] = {"updated_at": written(now)}
        if status != before["status"] or act == "dispose":
            changes |= {"status": status, "status_at": written(now)}
            changes["closed_by"] = by if act in ("close", "archive") else "Admin" if act == "block" else None
            changes["reason"] = statuses.REASONS.get(status)
        if act == "dispose":
            changes |= {"disposed_id": institution_id, "disposed_at": written(now)}
        elif act == "refuse":
            changes |= {"disposed_id": None, "disposed_at": None}
        elif act == "edit":
            changes["text_after"] = text
        if item is not None and item.rating is not None:
            changes["rating"] = item.rating
        with self._writing():
            self._change(tracking_id, changes)
            item_id = self._add_item(tracking_id, item, author, now) if item is not None else None
            for file in files:
                self._add_file(file, tracking_id, item_id)
            if status != before["status"] or note is not None:
                self._log(tracking_id, status, note or status, now)
            content = item.content if item is not None else text
            self._record(
                author,
                act,
                now,
                tracking_id,
                item=None if item_id is None else str(item_id),
                status=status,
                text=content,
            )
        return self.report(tracking_id)

    def rename(self, institution_id: str, name: str, author: Author, now: datetime) -> None:
        """A new name for an institution; old reports show it too, as real exports do."""
        self.institution(institution_id)
        with self._writing():
            self._db.execute("UPDATE institutions SET name = ? WHERE id = ?", (name, institution_id))
            self._record(author, "rename", now, None, item=institution_id, text=name)

    # ---- reading

    def report(self, tracking_id: str) -> Row:
        """A report with the present names of its institutions. Raises Unknown."""
        return self._one(f"{_REPORT} WHERE tracking_id = ?", (tracking_id,), f"report {tracking_id}")

    def reports_after(self, since: str, after_id: str, limit: int, offset: int = 0) -> list[Row]:
        """Reports last changed at `since` with an id above `after_id`, or later; oldest change first."""
        return self._db.execute(
            f"{_REPORT} WHERE (updated_at, tracking_id) > (?, ?) ORDER BY updated_at, tracking_id"
            " LIMIT ? OFFSET ?",
            (since, after_id, limit, offset),
        ).fetchall()

    def reports_in_order(self, start: str = "", end: str = "~", created_by: str = "%") -> list[Row]:
        """Reports that came in from `start` up to before `end`, ascending by number."""
        return self._db.execute(
            f"{_REPORT} WHERE reported_at >= ? AND reported_at < ? AND created_by LIKE ?"
            " ORDER BY CAST(tracking_id AS INTEGER)",
            (start, end, created_by),
        ).fetchall()

    def followups(self, tracking_id: str, limit: int, offset: int) -> list[Row]:
        """Follow-ups of a report, oldest first."""
        return self._db.execute(
            f"{_ITEM} WHERE f.tracking_id = ? ORDER BY f.id LIMIT ? OFFSET ?", (tracking_id, limit, offset)
        ).fetchall()

    def last_item(self, tracking_id: str) -> Row:
        """The newest follow-up of a report. Raises Unknown."""
        return self._one(
            f"{_ITEM} WHERE f.tracking_id = ? ORDER BY f.id DESC LIMIT 1", (tracking_id,), "follow-up"
        )

    def files_of(self, tracking_id: str, followup_id: int | None) -> list[Row]:
        """Files of a report itself, or of one follow-up."""
        return self._db.execute(
            "SELECT id, name, media_type FROM files WHERE tracking_id = ? AND followup_id IS ? ORDER BY id",
            (tracking_id, followup_id),
        ).fetchall()

    def file(self, file_id: int) -> Row:
        """A stored file with its bytes. Raises Unknown."""
        return self._one(
            "SELECT name, media_type, body FROM files WHERE id = ?", (file_id,), f"file {file_id}"
        )

    def status_logs(self, tracking_id: str) -> list[Row]:
        """What happened to a report's status, oldest first."""
        return self._db.execute(
            "SELECT at, status, note FROM status_logs WHERE tracking_id = ? ORDER BY id", (tracking_id,)
        ).fetchall()

    def institution(self, institution_id: str) -> Row:
        """An institution. Raises Unknown."""
        return self._one(
            "SELECT id, code, name, inside FROM institutions WHERE id = ?",
            (institution_id,),
            f"institution {institution_id}",
        )

    def institution_by_code(self, code: str) -> Row:
        """An institution by our OPD code, for the control API. Raises Unknown."""
        return self._one(
            "SELECT id, code, name, inside FROM institutions WHERE code = ?", (code,), f"institution {code}"
        )

    def institutions(self, limit: int, offset: int) -> list[Row]:
        """All institutions by id."""
        return self._db.execute(
            "SELECT id, code, name, inside FROM institutions ORDER BY id LIMIT ? OFFSET ?", (limit, offset)
        ).fetchall()

    def category(self, category_id: str) -> Row:
        """A category. Raises Unknown."""
        return self._one(
            "SELECT id, name FROM categories WHERE id = ?", (category_id,), f"category {category_id}"
        )

    def waiting_since(self, status: str, before: datetime) -> list[str]:
        """Ids of reports in this status on which nothing happened since `before`."""
        return [
            row["tracking_id"]
            for row in self._db.execute(
                "SELECT tracking_id FROM reports r WHERE status = :status AND status_at < :at AND NOT EXISTS"
                " (SELECT 1 FROM followups f WHERE f.tracking_id = r.tracking_id AND f.at >= :at)"
                " ORDER BY tracking_id",
                {"status": status, "at": written(before)},
            )
        ]

    def open_ids(self) -> list[str]:
        """Ids of all open reports, ascending."""
        marks = ", ".join("?" * len(statuses.OPEN))
        found = self._db.execute(
            f"SELECT tracking_id FROM reports WHERE status IN ({marks}) ORDER BY tracking_id",  # noqa: S608
            statuses.OPEN,
        )
        return [row["tracking_id"] for row in found]

    def writes(self, where: Mapping[str, str], after: int, limit: int) -> list[Row]:
        """Ledger rows above number `after` that match side, author, act and tracking_id as given."""
        tests = [
            f"{column} = :{column}" for column in ("side", "author", "act", "tracking_id") if column in where
        ]
        return self._db.execute(
            f"SELECT * FROM writes WHERE {' AND '.join(['n > :after', *tests])} ORDER BY n LIMIT :limit",  # noqa: S608
            {**where, "after": after, "limit": limit},
        ).fetchall()

    def counted(self) -> dict[str, Any]:
        """Sums for tests: writes by side, author and act; reports by status; what the API wrote twice."""
        written_by: dict[str, dict[str, int]] = {}
        for row in self._db.execute(
            "SELECT side || ':' || author AS who, act, count(*) AS n FROM writes GROUP BY 1, 2 ORDER BY 1, 2"
        ):
            written_by.setdefault(row["who"], {})[row["act"]] = row["n"]
        by_status = self._db.execute(
            "SELECT status, count(*) AS n FROM reports GROUP BY 1 ORDER BY 1"
        ).fetchall()
        by_birth = self._db.execute(
            "SELECT created_by, count(*) AS n FROM reports GROUP BY 1 ORDER BY 1"
        ).fetchall()
        twice_created = self._db.execute(
            "SELECT count(*) AS n FROM (SELECT 1 FROM writes WHERE side = 'api' AND act = 'create'"
            " GROUP BY author, sha256 HAVING count(*) > 1)"
        ).fetchone()
        twice_said = self._db.execute(
            "SELECT count(*) AS n FROM (SELECT 1 FROM writes WHERE side = 'api' AND item IS NOT NULL"
            " AND tracking_id IS NOT NULL GROUP BY author, tracking_id, sha256 HAVING count(*) > 1)"
        ).fetchone()
        return {
            "writes": written_by,
            "reports": {row["status"]: row["n"] for row in by_status},
            "created_by": {row["created_by"]: row["n"] for row in by_birth},
            "same_report_created_twice": twice_created["n"],
            "same_item_written_twice": twice_said["n"],
        }

    # ---- inside a transaction

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _one(self, query: str, values: tuple[object, ...], what: str) -> Row:
        row: Row | None = self._db.execute(query, values).fetchone()
        if row is None:
            raise Unknown(what)
        return row

    def _next_id(self) -> str:
        row = self._db.execute("SELECT max(CAST(tracking_id AS INTEGER)) AS top FROM reports").fetchone()
        return str(max(FIRST_OWN_ID, (row["top"] or 0) + 1))

    def _change(self, tracking_id: str, changes: Mapping[str, Any]) -> None:
        assigned = ", ".join(f"{column} = :{column}" for column in changes)
        self._db.execute(
            f"UPDATE reports SET {assigned} WHERE tracking_id = :tracking_id",  # noqa: S608
            {**changes, "tracking_id": tracking_id},
        )

    def _add_item(self, tracking_id: str, item: NewItem, author: Author, at: datetime) -> int:
        added = self._db.execute(
            "INSERT INTO followups (tracking_id, at, written_by, user_id, institution_from_id,"
            " institution_to_id, template_code, content, rating, is_secret)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                tracking_id,
                written(at),
                f"{author.side}:{author.name}",
                item.user_id,
                item.institution_from_id,
                item.institution_to_id,
                item.template_code,
                item.content,
                item.rating,
                item.is_secret,
            ),
        )
        return int(added.lastrowid or 0)

    def _add_file(self, sent: UploadedFile, tracking_id: str | None, followup_id: int | None) -> int:
        added = self._db.execute(
            "INSERT INTO files (tracking_id, followup_id, name, media_type, sha256, body)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (tracking_id, followup_id, sent.name, sent.media_type, _digest(sent.body), sent.body),
        )
        return int(added.lastrowid or 0)

    def _log(self, tracking_id: str, status: str, note: str, at: datetime) -> None:
        self._db.execute(
            "INSERT INTO status_logs (tracking_id, at, status, note) VALUES (?, ?, ?, ?)",
            (tracking_id, written(at), status, note),
        )

    def _record(
        self,
        author: Author,
        act: str,
        at: datetime,
        tracking_id: str | None,
        *,
        item: str | None = None,
        status: str | None = None,
        text: str | bytes | None = None,
    ) -> None:
        self._db.execute(
            "INSERT INTO writes (at, side, author, request_id, act, tracking_id, item, status, sha256)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                written(at),
                author.side,
                author.name,
                author.request_id,
                act,
                tracking_id,
                item,
                status,
                None if text is None else _digest(text),
            ),
        )

    def _add_generated(self, report: Report, author: Author, now: datetime, *, backdate: bool) -> bool:
        added = self._db.execute(
            """
            INSERT INTO reports (tracking_id, created_by, reported_at, updated_at, title, text_before,
                text_after, klasifikasi, category_id, category, anonymous, confidential, source, parent_id,
                disposed_id, disposed_at, status, status_at, closed_by, reason, province, city, kecamatan,
                kelurahan, location_id, reporter, rating)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO NOTHING
            """,
            (
                report.tracking_id,
                f"{author.side}:{author.name}",
                written(report.reported_at),
                written(report.status_at if backdate else now),
                report.title,
                report.text_before,
                report.text_after,
                report.klasifikasi,
                report.category_id,
                report.category,
                report.anonymous,
                report.confidential,
                report.source,
                report.parent.id,
                report.disposed and report.disposed.id,
                report.disposed_at and written(report.disposed_at),
                report.status,
                written(report.status_at),
                report.closed_by,
                report.reason,
                report.province,
                report.city,
                report.kecamatan,
                report.kelurahan,
                report.kelurahan_code,
                report.reporter.name,
                report.rating,
            ),
        )
        if not added.rowcount:
            return False
        self._log(report.tracking_id, statuses.UNVERIFIED, "Laporan diterima", report.reported_at)
        if report.disposed and report.disposed_at:
            self._log(
                report.tracking_id,
                statuses.UNANSWERED,
                f"Laporan didisposisikan ke {report.disposed.name}",
                report.disposed_at,
            )
        for item in report.followups:
            told = NewItem(
                item.text,
                user_id=None if item.institution or item.system else "pelapor",
                institution_from_id=item.institution.id if item.institution else None,
                template_code="admin" if item.system else None,
            )
            self._add_item(report.tracking_id, told, author, item.at)
        if report.status not in (statuses.UNVERIFIED, statuses.UNANSWERED):
            self._log(report.tracking_id, report.status, report.reason or report.status, report.status_at)
        self._record(author, "add", now, report.tracking_id, status=report.status, text=report.text_before)
        return True


def written(at: datetime) -> str:
    """An instant as the store keeps it: UTC, microseconds, fixed width. `at` is aware."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _digest(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


_REPORT = """
SELECT r.*, p.name AS parent, d.name AS disposed
FROM reports r
JOIN institutions p ON p.id = r.parent_id
LEFT JOIN institutions d ON d.id = r.disposed_id
"""
_ITEM = """
SELECT f.*, a.name AS institution_from, b.name AS institution_to
FROM followups f
LEFT JOIN institutions a ON a.id = f.institution_from_id
LEFT JOIN institutions b ON b.id = f.institution_to_id
"""
