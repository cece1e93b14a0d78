-- What this service said after the backup that its store was restored from: it stands on Kafka under numbers of an
-- earlier epoch. When the same comes of its input again, it is not said twice. `found_at`: when that was.
CREATE TABLE delivery.said_before (
    key uuid NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    type text NOT NULL,
    said_at timestamptz NOT NULL,
    found_at timestamptz,
    PRIMARY KEY (key, id)
);
