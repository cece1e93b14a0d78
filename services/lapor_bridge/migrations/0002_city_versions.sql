-- The city's registry as dated versions, written by `./simpul city load`; the newest is in force.
CREATE TABLE city_versions (
    version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    digest bytea NOT NULL UNIQUE,
    documents jsonb NOT NULL
);
