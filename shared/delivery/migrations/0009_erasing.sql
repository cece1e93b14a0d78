-- Complaints that were erased after the backup from which this store was restored: the running service forgets them again.
CREATE TABLE delivery.erasing (
    key uuid PRIMARY KEY,
    scope text NOT NULL
);
