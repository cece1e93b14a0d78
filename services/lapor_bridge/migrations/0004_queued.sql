-- Since when a write waits; null: of before this column.
ALTER TABLE outbound ADD COLUMN queued_at timestamptz;
