"""The end of a job: its metrics, and the root span of its trace, from the drop to the outcome."""

from datetime import datetime

from shared.telemetry import spans
from shared.telemetry.ids import root_span_of, trace_of
from shared.telemetry.metrics import JOBS_ENDED, OUTPUT_SECONDS
from shared.telemetry.spans import Span


def note_end(job: str, state: str, since: datetime | None, at: datetime) -> None:
    """`since` is when its file was dropped, if that is known."""
    JOBS_ENDED.labels(state).inc()
    if since is None:
        return
    if state == "finished":
        OUTPUT_SECONDS.observe(max(0.0, (at - since).total_seconds()))
    current = spans.current()
    if current and spans.sinks:
        root = Span("job", trace_of(job), job, id=root_span_of(job), sampled=current.sampled)
        root.start = int(since.timestamp() * 1e9)
        root.attributes = {"impasto.job": job, "impasto.state": state}
        spans.finish(root)
