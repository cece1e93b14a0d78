-- What reporters and verifiers do with a complaint after it came in.
ALTER TABLE complaints ADD COLUMN secret_hash bytea;   -- SHA-256 of the tracking secret; null: none was ever given
ALTER TABLE complaints ADD COLUMN rated jsonb;         -- the last rating; null: none yet
ALTER TABLE complaints ADD COLUMN merged_into jsonb;   -- the complaint that goes on for this one
ALTER TABLE complaints ADD COLUMN absorbed jsonb;      -- those that this one goes on for; null: none
