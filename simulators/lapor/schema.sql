-- The simulated LAPOR's own store. Instants are text, UTC, fixed width, so that they sort.

CREATE TABLE IF NOT EXISTS institutions (
    id TEXT PRIMARY KEY,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    inside INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS categories (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS reports (
    tracking_id TEXT PRIMARY KEY,
    created_by TEXT NOT NULL,
    reported_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    title TEXT,
    text_before TEXT NOT NULL,
    text_after TEXT NOT NULL,
    klasifikasi TEXT,
    category_id TEXT,
    category TEXT,
    anonymous INTEGER NOT NULL,
    confidential INTEGER NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0,
    source TEXT,
    parent_id TEXT NOT NULL REFERENCES institutions (id),
    disposed_id TEXT REFERENCES institutions (id),
    disposed_at TEXT,
    status TEXT NOT NULL,
    status_at TEXT NOT NULL,
    closed_by TEXT,
    reason TEXT,
    province TEXT,
    city TEXT,
    kecamatan TEXT,
    kelurahan TEXT,
    location_id TEXT,
    incident_on TEXT,
    tags TEXT,
    reporter TEXT NOT NULL,
    rating INTEGER
);
CREATE INDEX IF NOT EXISTS reports_by_update ON reports (updated_at, tracking_id);

CREATE TABLE IF NOT EXISTS status_logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tracking_id TEXT NOT NULL REFERENCES reports (tracking_id),
    at TEXT NOT NULL,
    status TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS status_logs_of ON status_logs (tracking_id, id);

CREATE TABLE IF NOT EXISTS followups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tracking_id TEXT NOT NULL REFERENCES reports (tracking_id),
    at TEXT NOT NULL,
    written_by TEXT NOT NULL,
    user_id TEXT,
    institution_from_id TEXT REFERENCES institutions (id),
    institution_to_id TEXT REFERENCES institutions (id),
    template_code TEXT,
    content TEXT,
    rating INTEGER,
    is_secret INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS followups_of ON followups (tracking_id, id);

CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tracking_id TEXT,
    followup_id INTEGER,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    body BLOB NOT NULL
);

-- Who wrote what: one row per accepted write, in the same transaction as its effect.
CREATE TABLE IF NOT EXISTS writes (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    side TEXT NOT NULL,
    author TEXT NOT NULL,
    request_id TEXT NOT NULL,
    act TEXT NOT NULL,
    tracking_id TEXT,
    item TEXT,
    status TEXT,
    sha256 TEXT
);
CREATE INDEX IF NOT EXISTS writes_of ON writes (tracking_id, n);
