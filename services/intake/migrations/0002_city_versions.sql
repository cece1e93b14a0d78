-- The city's documents as dated versions; filled by `./simpul city load`.
CREATE TABLE city_versions (version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, loaded_at timestamptz NOT NULL DEFAULT now(), digest bytea NOT NULL UNIQUE, documents jsonb NOT NULL);
