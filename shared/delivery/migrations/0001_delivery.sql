-- The frame's part of every store: key rows, what was said, what waits, what failed (DESIGN §4).
CREATE SCHEMA delivery;

-- One row per complaint: the lock, the last number heard from each owner, the last one said here, and
-- which owners' streams are parked. Numbers are epoch * 10^12 + n, so that psql shows them readably.
CREATE TABLE delivery.keys (
    key uuid PRIMARY KEY,
    heard_intake bigint NOT NULL DEFAULT 0,
    heard_routing bigint NOT NULL DEFAULT 0,
    heard_lapor bigint NOT NULL DEFAULT 0,
    heard_sla bigint NOT NULL DEFAULT 0,
    said bigint NOT NULL DEFAULT 0,
    parked jsonb  -- {topic: {cause: gap|unworkable, at: number|null, since: instant}}; null where nothing is parked
) WITH (fillfactor = 70);
CREATE INDEX keys_parked ON delivery.keys (key) WHERE parked IS NOT NULL;

-- The epoch of the numbers said here; raised when this store was restored from a backup.
CREATE TABLE delivery.epoch (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch integer NOT NULL DEFAULT 1 CHECK (epoch BETWEEN 1 AND 9000)
);
INSERT INTO delivery.epoch DEFAULT VALUES;

-- Everything this service ever said, one partition a month, written in the transaction that caused it.
CREATE SEQUENCE delivery.positions CACHE 1;
CREATE TABLE delivery.said (
    month date NOT NULL,
    position bigint NOT NULL,
    key uuid NOT NULL,
    topic text NOT NULL,
    record_key text NOT NULL,
    type text NOT NULL,
    id uuid NOT NULL,
    sequence bigint,
    said_at timestamptz NOT NULL,
    cause uuid,
    correlation uuid NOT NULL,
    traceparent text NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (month, position)
) PARTITION BY LIST (month);
CREATE INDEX said_by_key ON delivery.said (key, position);

-- The part of it that Kafka has not acknowledged yet. Small and short-lived.
CREATE TABLE delivery.outbox (
    position bigint PRIMARY KEY,
    month date NOT NULL,
    key uuid NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);

-- Events that wait behind a gap or behind a dead letter of their own key and owner.
CREATE TABLE delivery.waiting (
    key uuid NOT NULL,
    topic text NOT NULL,
    sequence bigint NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    record_time bigint NOT NULL,
    record_key bytea,
    headers bytea NOT NULL,
    value bytea,
    since timestamptz NOT NULL,
    PRIMARY KEY (key, topic, sequence)
);

-- Records that no retry can help, as the bytes they came in (key, headers and value sealed where the topic
-- carries identity).
CREATE TABLE delivery.dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    record_time bigint NOT NULL,
    record_key bytea,
    headers bytea NOT NULL,
    value bytea,
    sealed boolean NOT NULL DEFAULT false,
    key uuid,
    sequence bigint,
    reason text NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'releasing', 'released', 'discarded')),
    since timestamptz NOT NULL,
    worked_at timestamptz,
    worked_by text,
    note text,
    UNIQUE (topic, partition, record_offset)
);
CREATE INDEX dead_letters_unsettled ON delivery.dead_letters (key, topic) WHERE status IN ('open', 'releasing');

-- HTTP commands by the name that their sender gave them (Idempotency-Key), with the answer that they got.
CREATE TABLE delivery.commands (
    publisher text NOT NULL,
    name text NOT NULL,
    body_hash bytea NOT NULL,
    answer bytea NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (publisher, name)
);

-- Up to when each input partition has been applied (DESIGN §5, the watermark).
CREATE TABLE delivery.watermarks (
    topic text NOT NULL,
    partition integer NOT NULL,
    reached timestamptz NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- A consumer that stopped itself because too many keys failed in a row; a row until an operator resumes it.
CREATE TABLE delivery.stops (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    since timestamptz NOT NULL,
    reason text NOT NULL
);

-- What operators did to the delivery of this service. Rows are only ever added.
CREATE TABLE delivery.operator_acts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    author text NOT NULL,
    act text NOT NULL,
    subject text NOT NULL,
    reason text NOT NULL
);
