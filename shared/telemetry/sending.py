"""The span of sending a message, and the traceparent by which its handling knows its sender."""

from contextlib import AbstractContextManager
from typing import TypeVar

from shared.messages import Body, Message
from shared.telemetry import spans

SYSTEM = "azure_queue_storage"
B = TypeVar("B", bound=Body)


def sending(queue: str) -> AbstractContextManager[spans.Span | None]:
    return spans.span(
        f"send {queue}",
        "producer",
        **{
            "messaging.system": SYSTEM,
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": queue,
        },
    )


def sent_by(body: B, sender: spans.Span | None) -> B:
    """The message with this span, or else the current one, as its sender.

    It is written to `trace`, a field that the readers of all versions accept. Events of Event Grid
    stay as they are: their trace follows from the job.
    """
    span = sender or spans.current()
    if span is None or not isinstance(body, Message):
        return body
    return body.model_copy(update={"trace": span.context.traceparent})
