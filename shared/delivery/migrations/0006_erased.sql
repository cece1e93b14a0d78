-- What was erased of a complaint (identity, complaint; null: nothing). Later facts about it are kept without words.
ALTER TABLE delivery.keys ADD COLUMN erased text;

-- The end of a key on a compacted topic is a record without a value.
-- squawk-ignore ban-drop-not-null -- a relay of before leaves such rows to the next one
ALTER TABLE delivery.said ALTER COLUMN value DROP NOT NULL;

-- Which complaint an answered command was about: the answer quotes it, and is taken out when that is erased.
ALTER TABLE delivery.commands ADD COLUMN key uuid;
-- squawk-ignore require-concurrent-index-creation -- migrations are transactions; built once, over officials' commands
CREATE INDEX commands_on_a_complaint ON delivery.commands (key) WHERE key IS NOT NULL;
