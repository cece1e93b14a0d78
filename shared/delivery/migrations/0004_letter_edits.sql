-- What a dead letter was before each edit of it, in the bytes it came in (sealed as the letter is). Rows are only added.
CREATE TABLE delivery.letter_edits (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    letter bigint NOT NULL REFERENCES delivery.dead_letters (id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    author text NOT NULL,
    reason text NOT NULL,
    headers bytea NOT NULL,
    value bytea
);
CREATE INDEX letter_edits_by_letter ON delivery.letter_edits (letter);
