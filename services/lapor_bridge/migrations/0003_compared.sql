-- How both sides of a link compare: what the hub holds, what they last agreed on, and where they differ (null: nowhere).
ALTER TABLE links ADD COLUMN here jsonb;
ALTER TABLE links ADD COLUMN agreed jsonb;
ALTER TABLE links ADD COLUMN differences jsonb;

-- squawk-ignore-file require-concurrent-index-creation -- migrations are transactions
CREATE INDEX links_differing ON links (complaint_id) WHERE differences IS NOT NULL;

-- Since when SP4N-LAPOR gives no answer that can be used, and why; no row while it does.
CREATE TABLE away (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    since timestamptz NOT NULL,
    reason text NOT NULL
);
