-- The city's deadlines and calendar as dated versions, written by `./simpul city load`. None is ever deleted:
-- clocks name the version that decided them.
CREATE TABLE city_versions (
    version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    digest bytea NOT NULL UNIQUE,
    documents jsonb NOT NULL
);
