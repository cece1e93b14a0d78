-- Files that come after the complaint: fetched from where the publisher keeps them, or sent to it.
ALTER TABLE complaints ADD COLUMN evidence jsonb;    -- what its OPDs sent to show their work; null: none
ALTER TABLE complaints ADD COLUMN unfetched jsonb;   -- files given by their address whose bytes are not here; null: none

ALTER TABLE files ADD COLUMN media_type text;        -- by content; null: nobody has looked into it yet
ALTER TABLE files ADD COLUMN opd text;               -- whose evidence it is; null: part of the complaint

-- Files to be fetched. `attempts` have begun; the next is due at `due_at`.
CREATE TABLE fetches (
    file_id text PRIMARY KEY REFERENCES files,
    attempts bigint NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    lost_at timestamptz           -- it will not come; null: it may
);
CREATE INDEX fetches_due ON fetches (due_at) WHERE lost_at IS NULL;
