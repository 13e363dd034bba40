"""The span of one delivery of a message, by OpenTelemetry's conventions for messaging."""

from datetime import UTC, datetime

from shared.messages import BlobCreated, Body, Message
from shared.queues import Delivery
from shared.telemetry.ids import is_sampled, parse_traceparent, root_span_of, trace_of
from shared.telemetry.sending import SYSTEM
from shared.telemetry.spans import Span

#: Attributes of messages that are part of every log line and span about them.
IN_MESSAGES = ("job", "segment", "chunk")


def span_of(message: Body, delivery: Delivery, queue: str, share: float) -> Span:
    """The span's trace is the job's, its parent the span that sent the message, if that is known.

    Messages of older versions, and Event Grid's events, have no traceparent: the parent is then
    the job's root span. `share` is that of the traces that are exported.
    """
    job = str(getattr(message, "job", ""))
    trace = trace_of(job)
    sender = parse_traceparent(message.trace) if isinstance(message, Message) else None
    if sender and sender.trace != trace:
        sender = None
    span = Span(
        f"process {queue}",
        trace,
        job,
        sender.span if sender else root_span_of(job),
        kind="consumer",
        sampled=is_sampled(trace, share),
        link=sender,
    )
    waited = datetime.now(UTC) - delivery.inserted
    span.attributes |= {
        "messaging.system": SYSTEM,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": delivery.queue.name,
        "messaging.message.id": delivery.id,
        "impasto.attempt": delivery.attempt,
        "impasto.waited_seconds": round(max(0.0, waited.total_seconds()), 3),
    }
    for name in IN_MESSAGES:
        if hasattr(message, name):
            span.attributes[f"impasto.{name}"] = getattr(message, name)
    if isinstance(message, BlobCreated):
        span.attributes["cloudevents.event_id"] = message.id
    return span
