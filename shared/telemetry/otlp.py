"""Sends spans to a collector or to Azure Monitor, with OpenTelemetry's SDK.

This module is imported only where an exporter is set.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from azure.core.settings import settings as azure_settings
from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode
from opentelemetry.util.types import AttributeValue

from shared.telemetry import spans
from shared.telemetry.redaction import redacted
from shared.telemetry.spans import Span

KINDS = {
    "internal": SpanKind.INTERNAL,
    "consumer": SpanKind.CONSUMER,
    "producer": SpanKind.PRODUCER,
}
SCOPE = InstrumentationScope("impasto")


class OtlpSpans:
    """A sink of spans. Those of the Azure SDK's requests become children of ours."""

    def __init__(self, exporters: Sequence[SpanExporter], resource: Resource) -> None:
        self._resource = resource
        # A request outside of any handling, such as an idle poll, is no span.
        self._provider = TracerProvider(ParentBased(ALWAYS_OFF), resource)
        self._processors = [BatchSpanProcessor(Redacting(exporter)) for exporter in exporters]
        for processor in self._processors:
            self._provider.add_span_processor(processor)

    def install(self) -> None:
        trace.set_tracer_provider(self._provider)
        azure_settings.tracing_implementation = "opentelemetry"
        spans.Libraries.inside = staticmethod(library_spans_inside)
        spans.sinks.append(self)

    def began(self, span: Span) -> None:
        """Only whole spans are sent."""

    def ended(self, span: Span) -> None:
        if span.sampled:
            readable = readable_span(span, self._resource)
            for processor in self._processors:
                processor.on_end(readable)

    def close(self) -> None:
        self._provider.shutdown()


class Redacting(SpanExporter):
    """Replaces secrets in spans of libraries: URLs may hold a signature."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([redacted_span(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def redacted_span(span: ReadableSpan) -> ReadableSpan:
    """Our own spans hold no secret already."""
    if span.instrumentation_scope is SCOPE:
        return span
    status = span.status
    if status.description:
        status = Status(status.status_code, redacted(status.description))
    return ReadableSpan(
        span.name,
        span.context,
        span.parent,
        span.resource,
        clean(span.attributes or {}),
        [Event(e.name, clean(e.attributes or {}), e.timestamp) for e in span.events],
        span.links,
        span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
    )


@contextmanager
def library_spans_inside(span: Span) -> Iterator[None]:
    ours = NonRecordingSpan(context_of(span.trace, span.id, span.sampled))
    token = context.attach(trace.set_span_in_context(ours))
    try:
        yield
    finally:
        context.detach(token)


def context_of(trace_id: str, span_id: str, sampled: bool = True) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=flags)


def readable_span(span: Span, resource: Resource) -> ReadableSpan:
    error = Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET)
    return ReadableSpan(
        span.name,
        context_of(span.trace, span.id, span.sampled),
        context_of(span.trace, span.parent) if span.parent else None,
        resource,
        clean(span.attributes),
        [Event(event.name, clean(event.attributes), event.at) for event in span.events],
        [Link(context_of(*span.link))] if span.link else [],
        KINDS[span.kind],
        instrumentation_scope=SCOPE,
        status=error,
        start_time=span.start,
        end_time=span.end,
    )


def clean(attributes: Mapping[str, AttributeValue]) -> Mapping[str, AttributeValue]:
    return {
        name: redacted(value) if isinstance(value, str) else value
        for name, value in attributes.items()
    }


def resource_of(service: str, version: str, replica: str) -> Resource:
    return Resource.create(
        cast(
            "Mapping[str, str]",
            {
                "service.name": f"impasto-{service}",
                "service.namespace": "impasto",
                "service.version": version,
                "service.instance.id": replica,
            },
        )
    )
