"""Sends the metrics of this process to a collector or to Azure Monitor, from time to time.

This module is imported only where an exporter is set.
"""

import threading
import time
from collections.abc import Iterator, Sequence

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample

from shared.logs import logger
from shared.telemetry.otlp import SCOPE

log = logger()


class OtlpMetrics:
    def __init__(
        self,
        registry: CollectorRegistry,
        exporters: Sequence[MetricExporter],
        resource: Resource,
        every: float,
    ) -> None:
        self._registry, self._exporters, self._resource = registry, exporters, resource
        self._every = every
        self._started = time.time_ns()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._send_often, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send them once more."""
        self._closing.set()
        self._thread.join()
        self._send()
        for exporter in self._exporters:
            exporter.shutdown()

    def _send_often(self) -> None:
        while not self._closing.wait(self._every):
            self._send()

    def _send(self) -> None:
        try:
            data = metrics_data(self._registry, self._resource, self._started)
            for exporter in self._exporters:
                exporter.export(data)
        except Exception as error:  # metrics must not end a service, whatever a collector answers
            log.warning("metrics can't be sent", why=f"{type(error).__name__}: {error}")


def metrics_data(registry: CollectorRegistry, resource: Resource, started: int) -> MetricsData:
    now = time.time_ns()
    found = [metric_of(family, started, now) for family in registry.collect()]
    scope = ScopeMetrics(SCOPE, [metric for metric in found if metric], "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def metric_of(family: Family, started: int, now: int) -> Metric | None:
    if not family.samples:
        return None
    data: Sum | Gauge | Histogram
    if family.type == "histogram":
        points = list(histogram_points(family, started, now))
        data = Histogram(points, AggregationTemporality.CUMULATIVE)
    else:
        numbers = [
            NumberDataPoint(sample.labels, started, now, sample.value) for sample in family.samples
        ]
        if family.type == "counter":
            data = Sum(numbers, AggregationTemporality.CUMULATIVE, is_monotonic=True)
        else:
            data = Gauge(numbers)
    return Metric(family.name, family.documentation, "", data)


def histogram_points(family: Family, started: int, now: int) -> Iterator[HistogramDataPoint]:
    by_labels: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in family.samples:
        key = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
        by_labels.setdefault(key, []).append(sample)
    for labels, samples in by_labels.items():
        buckets = [s for s in samples if s.name.endswith("_bucket")]
        up_to = [int(s.value) for s in buckets]
        total = next(s.value for s in samples if s.name.endswith("_sum"))
        yield HistogramDataPoint(
            attributes=dict(labels),
            start_time_unix_nano=started,
            time_unix_nano=now,
            count=up_to[-1],
            sum=total,
            bucket_counts=[n - before for n, before in zip(up_to, [0, *up_to], strict=False)],
            explicit_bounds=[float(s.labels["le"]) for s in buckets[:-1]],
            min=0.0,
            max=0.0,
        )
