"""Sets up what the settings ask for: the log of each job, and exporters of spans and metrics."""

from typing import TYPE_CHECKING, Protocol

from shared import logs
from shared.errors import Misconfigured
from shared.settings import Settings
from shared.storage import Storage, identity
from shared.telemetry import spans
from shared.telemetry.job_log import JobLog
from shared.telemetry.logged_metrics import LoggedMetrics
from shared.telemetry.metrics import REGISTRY

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter


class Closing(Protocol):
    def close(self) -> None: ...


class Telemetry:
    """Of one process; `close` sends what waits."""

    def __init__(self) -> None:
        self._open: list[Closing] = []

    def keep_job_logs(self, storage: Storage, service: str) -> None:
        job_log = job_log_of(storage, service)
        logs.keep_lines(job_log.add)
        spans.sinks.append(job_log)
        self._open.append(job_log)

    def export(self, settings: Settings, service: str) -> None:
        """Import OpenTelemetry's SDK and its exporters, if one of them is set."""
        insights = settings.applicationinsights_connection_string
        if not settings.otlp_endpoint and not insights:
            return
        from shared.telemetry.otlp import OtlpSpans, resource_of
        from shared.telemetry.otlp_metrics import OtlpMetrics

        span_exporters: list[SpanExporter] = []
        metric_exporters: list[MetricExporter] = []
        if settings.otlp_endpoint:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            url = settings.otlp_endpoint.rstrip("/")
            span_exporters.append(OTLPSpanExporter(f"{url}/v1/traces"))
            metric_exporters.append(OTLPMetricExporter(f"{url}/v1/metrics"))
        if insights:
            try:
                from azure.monitor.opentelemetry.exporter import (
                    AzureMonitorMetricExporter,
                    AzureMonitorTraceExporter,
                )
            except ImportError as error:
                raise Misconfigured(
                    "APPLICATIONINSIGHTS_CONNECTION_STRING is set, but the extra azuremonitor"
                    " isn't installed"
                ) from error
            options = {
                "connection_string": insights.get_secret_value(),
                "credential": None if settings.work_connection else identity(),
            }
            span_exporters.append(AzureMonitorTraceExporter(**options))
            metric_exporters.append(AzureMonitorMetricExporter(**options))
        resource = resource_of(service, logs.version(), logs.replica())
        sink = OtlpSpans(span_exporters, resource)
        sink.install()
        self._open.append(sink)
        self._open.append(OtlpMetrics(REGISTRY, metric_exporters, resource, settings.otlp_seconds))

    def log_metrics(self, every: float) -> None:
        self._open.append(LoggedMetrics(every))

    def close(self) -> None:
        for each in self._open:
            each.close()


def job_log_of(storage: Storage, service: str) -> JobLog:
    return JobLog(storage.container("logs"), f"{service}-{logs.replica().replace(':', '-')}")
