-- What lists of cases are narrowed and ordered by. Old code leaves the defaults; the next fact about a case sets them.
ALTER TABLE cases
    ADD COLUMN category text,                          -- as last classified
    ADD COLUMN kecamatan text,                         -- official code, of the place
    ADD COLUMN given integer NOT NULL DEFAULT 0,      -- how often it was given to an OPD
    ADD COLUMN handed_back integer NOT NULL DEFAULT 0,
    ADD COLUMN clocks jsonb NOT NULL DEFAULT '[]',     -- the city's and the OPD's open clocks, as the monitor told them
    ADD COLUMN due_at timestamptz,                     -- the earliest of their deadlines
    ADD COLUMN pressing boolean NOT NULL DEFAULT false, -- one of them is soon due or overdue, as the monitor said
    ADD COLUMN merged boolean NOT NULL DEFAULT false;   -- another case goes on for it

UPDATE cases SET
    category = classified ->> 'category',
    kecamatan = coalesce(complaint -> 'place' ->> 'kecamatan', left(complaint -> 'place' ->> 'kelurahan', 8)),
    merged = coalesce(complaint ? 'merged_into', false),
    given = jsonb_array_length(dispositions),
    handed_back = jsonb_array_length(jsonb_path_query_array(dispositions, '$[*] ? (@.ended == "handed_back")'));

-- squawk-ignore-file require-concurrent-index-creation -- migrations are transactions
-- what is counted stands in the index itself
CREATE INDEX cases_open ON cases (received_at, complaint_id) INCLUDE (state, given, handed_back, pressing)
    WHERE state IN ('triage', 'routed', 'in_work', 'asked', 'answered') AND NOT merged;
CREATE INDEX cases_open_of_an_opd ON cases (opd, received_at, complaint_id)
    WHERE state IN ('triage', 'routed', 'in_work', 'asked', 'answered') AND NOT merged;
CREATE INDEX cases_due ON cases (due_at, complaint_id) WHERE due_at IS NOT NULL;
CREATE INDEX cases_due_of_an_opd ON cases (opd, due_at, complaint_id) WHERE due_at IS NOT NULL;
CREATE INDEX cases_of_a_category ON cases (category, received_at, complaint_id);
CREATE INDEX cases_of_a_kecamatan ON cases (kecamatan, received_at, complaint_id);
CREATE INDEX cases_by_ticket ON cases (ticket text_pattern_ops);
