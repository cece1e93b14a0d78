-- Who did what, when, on which complaint. The service's role may add rows here and read them, and nothing else:
-- what it is granted stands in shared/database.py, by schema.
CREATE SCHEMA audit;
CREATE TABLE audit.acts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    name text NOT NULL,   -- the key's name, or who sat at the command line
    role text NOT NULL,   -- publisher, opd, verifier, admin, bridge, citizen, or operator (the command line)
    opd text,             -- whose key it was, for role opd
    act text NOT NULL,
    complaint_id uuid,
    about text            -- what else must be known: a dead letter's number, a reason; never a citizen's words
);
CREATE INDEX acts_on_a_complaint ON audit.acts (complaint_id) WHERE complaint_id IS NOT NULL;

-- What operators did until now. The old table is read by nobody and goes with the next release.
INSERT INTO audit.acts (at, name, role, act, about)
SELECT at, author, 'operator', act, subject || ': ' || reason FROM delivery.operator_acts ORDER BY id;

-- The one table that must be made while services run. Their role may make no tables, so the owner's function does.
-- Built beside and then attached: CREATE … PARTITION OF would lock `said` against every writer.
CREATE FUNCTION delivery.make_month(first date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text := to_char(date_trunc('month', first), '"said_"YYYY_MM');
BEGIN
    IF to_regclass('delivery.' || name) IS NULL THEN
        EXECUTE format('CREATE TABLE delivery.%I (LIKE delivery.said INCLUDING ALL)', name);
        EXECUTE format('ALTER TABLE delivery.said ATTACH PARTITION delivery.%I FOR VALUES IN (%L)',
            name, date_trunc('month', first)::date);
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION delivery.make_month FROM PUBLIC;
