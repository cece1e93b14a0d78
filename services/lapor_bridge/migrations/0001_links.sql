-- One row per complaint that may stand in SP4N-LAPOR: the link, and what the hub was told of the report there.
CREATE TABLE links (
    complaint_id uuid PRIMARY KEY,
    ticket text,
    lapor_id text UNIQUE,      -- the tracking id; null until there is a report
    origin text CHECK (origin IN ('hub', 'lapor')),
    linked boolean NOT NULL,   -- lapor.linked was said
    forwarding text NOT NULL CHECK (forwarding IN ('undecided', 'wanted', 'never')),
    why text,                  -- the reason of that, in words
    opd text,
    category text,
    content jsonb,             -- what the report will say; null once it stands in LAPOR, or never will
    told jsonb,                -- how the hub was told that the report stands
    seen jsonb,                -- how it was last seen
    updated_at timestamptz,    -- LAPOR's mark of the report's last change, when it was read
    explained jsonb NOT NULL,  -- states that our own writes bring about
    items jsonb NOT NULL,      -- follow-ups that need not be said: said already, or our own
    posting_state text CHECK (posting_state IN ('waiting', 'accepted', 'refused')),
    posting jsonb,             -- the submission to intake; its body goes when the receipt comes
    look_at timestamptz,
    post_at timestamptz,
    work_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX links_by_ticket ON links (ticket) WHERE ticket IS NOT NULL;
CREATE INDEX links_to_look_at ON links (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX links_to_post ON links (post_at) WHERE post_at IS NOT NULL;
CREATE INDEX links_to_work ON links (work_at) WHERE work_at IS NOT NULL;

-- What is to be written in LAPOR, in order per complaint (0 = the report itself), and how far each has come.
-- links.work_at says when a complaint's line is due.
CREATE TABLE outbound (
    complaint_id uuid NOT NULL,
    n integer NOT NULL,
    operation text NOT NULL,
    cause uuid NOT NULL,       -- the event that asked for it; its mark in LAPOR is made from it
    text text,                 -- goes when it was delivered
    opd text,
    at timestamptz,
    kind text,
    refer_to text,
    state text NOT NULL CHECK (state IN ('waiting', 'attempted', 'done', 'held', 'failed')),
    attempts integer NOT NULL,
    declined integer NOT NULL,
    lookups integer NOT NULL,
    begun_at timestamptz,
    next_at timestamptz,
    item text,                 -- LAPOR's own id of what was written
    reason text,
    PRIMARY KEY (complaint_id, n)
) WITH (fillfactor = 80);
CREATE INDEX outbound_unfinished ON outbound (state, operation) WHERE state <> 'done';

-- How far the listing by update time has been read.
CREATE TABLE cursors (
    name text PRIMARY KEY,
    reached timestamptz NOT NULL
);

-- LAPOR's own list of institutions; `opd` stays once it was found by name, whatever the name becomes.
CREATE TABLE institutions (
    id text PRIMARY KEY,
    name text NOT NULL,
    opd text,
    changed_at timestamptz NOT NULL
);

-- Reports that nobody could make a complaint of, for a person to look at.
CREATE TABLE oddities (
    lapor_id text PRIMARY KEY,
    reason text NOT NULL,
    since timestamptz NOT NULL
);
