-- One row per complaint: what was heard about it, what was said about its clocks, and their last statement.
CREATE TABLE complaints (
    complaint_id uuid PRIMARY KEY,
    ticket text UNIQUE,        -- null until the complaint itself has come
    history jsonb NOT NULL,
    told jsonb NOT NULL,
    stated jsonb,              -- simpul.clocks.stated as it was last said; null before
    counted_by bigint          -- oldest city version whose calendar an open clock counts by; null where none is open
) WITH (fillfactor = 70);
CREATE INDEX complaints_counted_by ON complaints (counted_by) WHERE counted_by IS NOT NULL;

-- When the sweep has to look at a complaint next; its key row is what the sweep claims (DESIGN §4.1).
ALTER TABLE delivery.keys ADD COLUMN next_due_at timestamptz;
-- squawk-ignore require-concurrent-index-creation -- migrations are transactions; at a first start it is empty
CREATE INDEX keys_due ON delivery.keys (next_due_at) WHERE next_due_at IS NOT NULL AND parked IS NULL;
