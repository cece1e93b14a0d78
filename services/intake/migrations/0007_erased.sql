-- What was erased of a complaint (identity, complaint); null: nothing.
ALTER TABLE complaints ADD COLUMN erased text;
