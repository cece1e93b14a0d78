"""What the delivery of a service shows to Prometheus; each told of in docs/runbooks.md."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """One registry per process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.records = Counter("simpul_records", "Records by what became of them", ("outcome",), registry=r)
        self.batch_seconds = Histogram(
            "simpul_batch_seconds", "Time of one batch, read to commit", registry=r
        )
        self.batch_records = Histogram(
            "simpul_batch_records",
            "Records in one batch",
            registry=r,
            buckets=(1, 10, 50, 100, 500, 1000, 2000),
        )
        self.bisected = Counter(
            "simpul_batches_bisected", "Batches in which the store refused a row", registry=r
        )
        self.retries = Counter(
            "simpul_batches_redelivered", "Batches rolled back for a passing cause", registry=r
        )
        self.failed = Counter(
            "simpul_facts_failed", "Facts handed in by loops that no rule could work", registry=r
        )
        self.said = Counter("simpul_said", "Events said", registry=r)
        self.sent = Counter("simpul_relay_sent", "Events that Kafka acknowledged", registry=r)
        self.rebuilt = Counter("simpul_relay_rebuilt", "Producers thrown away and built anew", registry=r)
        self.consumers_rebuilt = Counter(
            "simpul_consumer_rebuilt", "Consumers that had gone deaf and were built anew", registry=r
        )
        self.leader = Gauge("simpul_relay_leader", "1 where this replica's relay holds the lock", registry=r)
        self.restated = Counter("simpul_relay_restated", "Keys stated again after a stale relay", registry=r)
        self.oldest = Gauge(
            "simpul_oldest_unprocessed_seconds",
            "Age of the oldest record that is not applied yet",
            registry=r,
        )
        self.lag = Gauge("simpul_lag_records", "Records that are not applied yet", registry=r)
        self.outbox = Gauge("simpul_outbox_rows", "Events said and not yet acknowledged", registry=r)
        self.outbox_age = Gauge("simpul_outbox_age_seconds", "Age of the oldest of them", registry=r)
        self.dead = Gauge("simpul_dead_letters", "Dead letters that are open", registry=r)
        self.dead_age = Gauge("simpul_dead_letters_age_seconds", "Age of the oldest of them", registry=r)
        self.parked = Gauge("simpul_parked_keys", "Complaints with a parked stream", ("cause",), registry=r)
        self.stopped = Gauge("simpul_consumer_stopped", "1 where the consumer stopped itself", registry=r)
        self.loop_failures = Counter(
            "simpul_loop_failures", "Turns of a loop that failed", ("loop",), registry=r
        )
        self.turned_away = Counter(
            "simpul_http_turned_away", "Requests turned away at the door", ("reason", "role"), registry=r
        )
        self.keys_file = Gauge(
            "simpul_keys_file_unreadable", "1 where the keys of an older file hold", registry=r
        )
