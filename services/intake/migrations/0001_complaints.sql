-- What intake owns: the complaint as the citizen told it, and what the public may follow of it.

-- One row per complaint. Text is masked here; what was masked is in identities. The columns from status on
-- change, all others are written once.
CREATE TABLE complaints (
    complaint_id uuid PRIMARY KEY,
    ticket text NOT NULL CONSTRAINT a_ticket_names_one_complaint UNIQUE,
    submission_id uuid NOT NULL,  -- the record or request that created it; the same one again says nothing
    fingerprint bytea NOT NULL,   -- keyed hash of all that was said; another one under this reference is a conflict
    source text NOT NULL,
    reference text NOT NULL,
    channel text NOT NULL,
    reported_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    title text NOT NULL,
    text text NOT NULL,
    place jsonb,
    category_hint text,
    klasifikasi text,
    anonymous boolean NOT NULL,
    confidential boolean NOT NULL,
    forward boolean NOT NULL,
    reporter text NOT NULL,       -- pseudonym
    attachments jsonb NOT NULL,   -- those whose bytes are here, as the hub knows them
    lapor jsonb,                  -- how it stood in SP4N-LAPOR when it came from there
    status text NOT NULL,
    opd text,
    awaits uuid,                  -- the question or answer that the citizen was last given
    lapor_id text,
    lapor_items jsonb NOT NULL,   -- replies in LAPOR that were told already
    steps bigint NOT NULL,       -- how many rows of timeline it has
    CONSTRAINT a_reference_names_one_complaint UNIQUE (source, reference)
) WITH (fillfactor = 85);

-- Who reported it and every word as it came, sealed under the complaint id. Read by nobody but intake.
CREATE TABLE identities (
    complaint_id uuid PRIMARY KEY REFERENCES complaints,
    sealed bytea NOT NULL
);

-- Attachments, sealed under their id: the bytes, or the address where the publisher keeps them.
CREATE TABLE files (
    file_id text PRIMARY KEY,
    complaint_id uuid NOT NULL REFERENCES complaints,
    position bigint NOT NULL,
    content_sealed bytea,
    url_sealed bytea,
    CONSTRAINT one_of_both CHECK (num_nonnulls(content_sealed, url_sealed) = 1),
    UNIQUE (complaint_id, position)
);

-- What befell a complaint, in order, as the public may read it (flags are obeyed at reading).
CREATE TABLE timeline (
    complaint_id uuid NOT NULL REFERENCES complaints,
    position bigint NOT NULL,
    code text NOT NULL,
    at timestamptz,               -- null: nobody knows when
    event_id uuid NOT NULL,
    opd text,
    text text,
    reference text,
    PRIMARY KEY (complaint_id, position)
);

-- Facts about complaints that are not in yet, folded when they come.
CREATE TABLE early_facts (
    complaint_id uuid NOT NULL,
    position bigint NOT NULL,
    type text NOT NULL,
    event_id uuid NOT NULL,
    value jsonb NOT NULL,
    PRIMARY KEY (complaint_id, position)
);
