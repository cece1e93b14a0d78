-- The numbers of each day (sla.aggregate), and what each complaint adds to them.

-- Complaints whose clocks may add something else than what is tallied below; written with every change of theirs.
CREATE TABLE untallied (
    complaint_id uuid PRIMARY KEY
);
INSERT INTO untallied (complaint_id) SELECT complaint_id FROM complaints;

-- One row per clock and stretch of days at whose ends it was open with the same due day. opd '' is the city itself.
CREATE TABLE standing (
    complaint_id uuid NOT NULL,
    position bigint NOT NULL,
    opd text NOT NULL,
    clock text NOT NULL,
    first date NOT NULL,
    last date NOT NULL,        -- infinity: it is open still
    due_on date
);
CREATE INDEX standing_of_complaint ON standing (complaint_id);
CREATE INDEX standing_by_day ON standing (opd, clock, last, first);

CREATE TABLE befallen (
    complaint_id uuid NOT NULL,
    position bigint NOT NULL,
    opd text NOT NULL,
    clock text NOT NULL,
    day date NOT NULL,
    what text NOT NULL,        -- warned, breached, met_in_time, met_late
    minutes bigint             -- working minutes that a met clock took
);
CREATE INDEX befallen_of_complaint ON befallen (complaint_id);
CREATE INDEX befallen_by_day ON befallen (opd, clock, day);

-- The numbers as they were last said. `uncounted`: something that they count has changed since.
CREATE TABLE aggregates (
    key uuid PRIMARY KEY,      -- shared.events.ids.aggregate_key
    opd text NOT NULL,
    clock text NOT NULL,
    day date NOT NULL,
    uncounted boolean NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    open bigint NOT NULL DEFAULT 0,
    due_today bigint NOT NULL DEFAULT 0,
    warned bigint NOT NULL DEFAULT 0,
    breached bigint NOT NULL DEFAULT 0,
    met_in_time bigint NOT NULL DEFAULT 0,
    met_late bigint NOT NULL DEFAULT 0,
    median_working_minutes bigint,
    p90_working_minutes bigint,
    UNIQUE (day, opd, clock)
) WITH (fillfactor = 70);
CREATE INDEX aggregates_uncounted ON aggregates (key) WHERE uncounted;

-- Up to which day clocks that are still open are counted; moves on at midnight in Jakarta.
CREATE TABLE counted_day (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    day date NOT NULL
);
