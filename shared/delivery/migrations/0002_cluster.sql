-- Which Kafka cluster this store belongs to: learnt at the first start. A service never speaks with another one.
CREATE TABLE delivery.cluster (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id text NOT NULL
);
