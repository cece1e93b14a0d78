-- A complaint's row is made and then written in one transaction. With half of each page left free the second version
-- stands on the same page as the first, and no index has to learn of it; on fuller pages half of them did not fit.
ALTER TABLE delivery.keys SET (fillfactor = 50);
