-- How many dispositions went to an OPD that had given the case back before; few cases have any, so they are counted fast.
ALTER TABLE cases ADD COLUMN given_again integer NOT NULL DEFAULT 0;
-- squawk-ignore-file require-concurrent-index-creation -- migrations are transactions
CREATE INDEX cases_handed_back ON cases (state) INCLUDE (given_again) WHERE handed_back > 0;
