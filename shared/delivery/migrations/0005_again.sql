-- Saying again what was said before (./simpul republish). `again`: how often a row was put here anew. A relay deletes
-- a row only as it read it, so that one put here anew while it was under way is sent once more, in its order.
ALTER TABLE delivery.outbox ADD COLUMN again integer NOT NULL DEFAULT 0;

-- Complaints whose present state is to be said again on compacted topics; the running service does it.
CREATE TABLE delivery.restating (
    key uuid PRIMARY KEY
);

-- Until the watermark is past this, nothing is said by time alone: a Kafka that was lost is being filled again, and
-- being at the end of it means nothing yet. `infinity` while it is being filled.
ALTER TABLE delivery.cluster ADD COLUMN silent_until timestamptz;

-- When an operator last bound this store to a Kafka that was new to it (its cluster id may be the old one's).
ALTER TABLE delivery.cluster ADD COLUMN adopted_at timestamptz;
