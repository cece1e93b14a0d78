-- What others found in public and a verifier decides on. One row for each such submission, also once it is decided.
CREATE TABLE candidates (
    complaint_id uuid PRIMARY KEY REFERENCES complaints,
    link bytea NOT NULL,          -- keyed hash of the normalised link; the link itself is in identities
    since timestamptz NOT NULL,
    decided_at timestamptz        -- null: it waits
);
CREATE INDEX candidates_by_link ON candidates (link, since, complaint_id);
CREATE INDEX candidates_waiting ON candidates (since, complaint_id) WHERE decided_at IS NULL;
