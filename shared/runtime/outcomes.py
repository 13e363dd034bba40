"""How a delivery ended: counted by queue, and noted on its span."""

from typing import Literal

from shared.queues import Delivery
from shared.telemetry import metrics, spans

Outcome = Literal["done", "retried", "postponed", "handed back", "poisoned", "lease lost"]


def note(
    outcome: Outcome,
    delivery: Delivery,
    error: BaseException | str | None = None,
    **attributes: str | float,
) -> None:
    """Whatever isn't `done` is an event of the span; with an error, the span has failed."""
    metrics.MESSAGES.labels(delivery.queue.name, outcome).inc()
    span = spans.current()
    if span is None:
        return
    span.attributes["impasto.outcome"] = outcome
    if outcome != "done":
        span.add_event(outcome, **attributes)
    if error is not None:
        span.fail(error)
