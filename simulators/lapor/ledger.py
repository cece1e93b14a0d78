"""The store of the simulated LAPOR and its ledger of who wrote what: SQLite, committed before any answer.

One process, one connection, one writer at a time. Every effect and its row in `writes` are one transaction;
after `kill -9` the file holds exactly what was answered, and at most one write more.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from simulators.complaints.model import Report
from simulators.complaints.reference import tables
from simulators.lapor import statuses
from simulators.lapor.records import Records, Row, written

Side = Literal["api", "control", "timer"]
FIRST_OWN_ID = 9_700_001
"""Reports born here count up from the ids of the generator (which end before 9,600,000)."""


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


class Ledger(Records):
    """The open store, for reading and writing. `now` is always given; nothing here asks the clock."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; its folder must exist. Masters that are not there yet are put in."""
        super().__init__(path)
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
        elif act == "protect":
            changes["confidential"] = True
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


def _digest(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()
