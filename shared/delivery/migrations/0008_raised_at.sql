-- When the epoch was raised: for a while after it, what this service does outside may have been done before.
ALTER TABLE delivery.epoch ADD COLUMN raised_at timestamptz;
