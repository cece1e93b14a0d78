-- One row per complaint: what routing remembers of it. Columns are what is searched by; the rest is JSON.
CREATE TABLE cases (
    complaint_id uuid PRIMARY KEY,
    ticket text UNIQUE,        -- null until the complaint itself has come
    state text NOT NULL CHECK (
        state IN ('new', 'triage', 'routed', 'in_work', 'asked', 'answered', 'closed', 'rejected')
    ),
    opd text,                  -- whose case it is, or was when it closed
    received_at timestamptz,
    pinned boolean NOT NULL,   -- a person chose the OPD
    complaint jsonb,           -- as intake told it, masked
    found jsonb,               -- what the rules made of the text, with their trace
    classified jsonb,
    dispositions jsonb NOT NULL,
    in_lapor jsonb NOT NULL,
    history jsonb NOT NULL,
    early jsonb NOT NULL       -- facts that came before the complaint
) WITH (fillfactor = 80);

CREATE INDEX cases_in_time ON cases (received_at, complaint_id);
CREATE INDEX cases_of_an_opd ON cases (opd, received_at, complaint_id);
CREATE INDEX cases_in_a_state ON cases (state, received_at, complaint_id);
