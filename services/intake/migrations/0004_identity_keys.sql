-- The keys of complaints: one for who reported it and every word as it came, one for its files. Each is sealed with a
-- master key (`master` names it); a complaint whose key is gone cannot be read by anybody any more.
CREATE TABLE identity_keys (
    complaint_id uuid NOT NULL,
    part text NOT NULL CHECK (part IN ('identity', 'files')),
    master text NOT NULL,
    wrapped bytea NOT NULL,
    PRIMARY KEY (complaint_id, part)
);
CREATE INDEX identity_keys_by_master ON identity_keys (master, complaint_id);

-- False: sealed with the master key itself, as version 0.1 did; such a row is moved by the loop `rewrap`.
ALTER TABLE identities ADD COLUMN own_key boolean NOT NULL DEFAULT false;
ALTER TABLE files ADD COLUMN own_key boolean NOT NULL DEFAULT false;
-- squawk-ignore require-concurrent-index-creation -- migrations are transactions; it is built once, over what 0.1 took in
CREATE INDEX identities_to_move ON identities (complaint_id) WHERE NOT own_key;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX files_to_move ON files (complaint_id) WHERE NOT own_key;
