"""Reading the store of the simulated LAPOR: reports with present names, follow-ups, masters, and the ledger."""

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulators.lapor import statuses

Row = sqlite3.Row


class Unknown(LookupError):
    """No such report, institution, category or file; the text names the kind and the id."""


class Records:
    """The open store, for reading."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; its folder must exist."""
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(Path(__file__).with_name("schema.sql").read_text("utf-8"))

    def close(self) -> None:
        """Fold the write-ahead log in and close."""
        self._db.close()

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

    def _one(self, query: str, values: tuple[object, ...], what: str) -> Row:
        row: Row | None = self._db.execute(query, values).fetchone()
        if row is None:
            raise Unknown(what)
        return row


def written(at: datetime) -> str:
    """An instant as the store keeps it: UTC, microseconds, fixed width. `at` is aware."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


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
