"""The metrics of all services, by name. Some are measured when they are asked for (`on_demand`).

They cost nothing to send while nobody asks: `/metrics` shows them (http.py), and otlp_metrics.py
sends them to a collector.
"""

import threading
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from shared.errors import ImpastoError
from shared.logs import logger

log = logger()
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000)

MESSAGES = Counter(
    "impasto_messages",
    "Deliveries of messages, by how they ended: done, retried, postponed, handed back, poisoned,"
    " lease lost.",
    ["queue", "outcome"],
    registry=REGISTRY,
)
HANDLING_SECONDS = Histogram(
    "impasto_handling_seconds",
    "How long handlers took for a message.",
    ["queue"],
    buckets=SECONDS,
    registry=REGISTRY,
)
STORAGE_REQUESTS = Counter(
    "impasto_storage_requests",
    "Requests to storage, by operation and HTTP status; 429 and 503 are throttles, none is no"
    " answer.",
    ["operation", "status"],
    registry=REGISTRY,
)
ITEMS = Counter(
    "impasto_items",
    "Items that a stage has done.",
    ["stage", "device"],
    registry=REGISTRY,
)
ITEM_SECONDS = Counter(
    "impasto_item_seconds",
    "Seconds that a stage has worked on items.",
    ["stage", "device"],
    registry=REGISTRY,
)
JOBS_ENDED = Counter(
    "impasto_jobs_ended",
    "Jobs that this process ended: finished, refused, failed or cancelled.",
    ["state"],
    registry=REGISTRY,
)
FIRST_SHARD_SECONDS = Histogram(
    "impasto_first_shard_seconds",
    "From the drop of a file to its first shard.",
    buckets=SECONDS,
    registry=REGISTRY,
)
OUTPUT_SECONDS = Histogram(
    "impasto_output_seconds",
    "From the drop of a file to its output.",
    buckets=SECONDS,
    registry=REGISTRY,
)
DISK_FULL = Counter(
    "impasto_disk_full", "Messages that waited because a disk was full.", registry=REGISTRY
)

#: A measurement: its metric's name, its labels by name, its value.
Measured = tuple[str, dict[str, str], float]


class OnDemand:
    """Gauges that are measured whenever metrics are asked for."""

    def __init__(self, help_of: dict[str, str], measure: Callable[[], Iterable[Measured]]) -> None:
        self._help_of = help_of
        self._measure = measure
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """None: registering must not measure."""
        return ()

    def collect(self) -> Iterable[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        try:
            with self._lock:
                measured = list(self._measure())
        except ImpastoError as error:  # such as an outage: the other metrics are shown
            log.warning("metrics can't be measured", why=str(error))
            return ()
        for name, labels, value in measured:
            if name not in families:
                families[name] = GaugeMetricFamily(name, self._help_of[name], labels=list(labels))
            families[name].add_metric(list(labels.values()), value)
        return families.values()


def measured_now() -> dict[str, float | dict[str, float]]:
    """All gauges that are measured on demand: a value, or one for each value of the label."""
    found: dict[str, float | dict[str, float]] = {}
    for family in [family for each in _on_demand.values() for family in each.collect()]:
        values = {"".join(sample.labels.values()): sample.value for sample in family.samples}
        found[family.name] = values if values.keys() != {""} else values[""]
    return found


_on_demand: dict[str, OnDemand] = {}


def on_demand(
    owner: str, help_of: dict[str, str], measure: Callable[[], Iterable[Measured]]
) -> None:
    """Measure these as well, in place of what this owner had measured before."""
    if former := _on_demand.pop(owner, None):
        REGISTRY.unregister(former)
    _on_demand[owner] = OnDemand(help_of, measure)
    REGISTRY.register(_on_demand[owner])
