-- Who sent an update of an OPD's system, and under what name: taken once, for ever, about whichever case.
CREATE TABLE opd_updates (
    source text NOT NULL,
    reference text NOT NULL,
    complaint_id uuid NOT NULL,
    PRIMARY KEY (source, reference)
);
