"""Each delivery is a span of its job's trace, whatever happens to it."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import NotYet, Reject, Retry
from shared.messages import SegmentPlanned, SegmentReady
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.runtime.work import AnyRoute, Route, Work
from shared.settings import Settings
from shared.storage import Storage
from shared.telemetry import spans
from shared.telemetry.ids import parse_traceparent, root_span_of, trace_of
from shared.telemetry.spans import Span
from tests.support.consuming import consuming
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
JOB = "holiday-0123456789ab"
PLANNED = SegmentPlanned(trace="t-1", job=JOB, segment=7)


class Spans:
    """A sink that remembers all."""

    def __init__(self) -> None:
        self.begun: list[Span] = []
        self.done: list[Span] = []

    def began(self, span: Span) -> None:
        self.begun.append(span)

    def ended(self, span: Span) -> None:
        self.done.append(span)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.done if span.name == name]


@pytest.fixture
def sink() -> Iterator[Spans]:
    sink = Spans()
    spans.sinks.append(sink)
    yield sink
    spans.sinks.remove(sink)


def test_the_spans_of_two_services_are_one_trace_and_linked(
    storage: Storage, settings: Settings, sink: Spans
) -> None:
    def split(message: SegmentPlanned, work: Work) -> None:
        with spans.span("decode", items=25):
            pass
        ready = SegmentReady(trace="t-1", job=JOB, segment=7, items=25, shards=1)
        storage.queue("shards").send(ready)

    def group(message: SegmentReady, work: Work) -> None:
        """Nothing is left to do."""

    stop = Stop()
    routes: list[AnyRoute] = [
        Route("segments", SegmentPlanned, split),
        Route("shards", SegmentReady, group),
    ]
    storage.queue("segments").send(PLANNED)
    with consuming(Consumer(storage, settings, stop, routes), stop):
        eventually(lambda: sink.named("process shards"), "the second handling")
    [first], [second] = sink.named("process segments"), sink.named("process shards")
    [decode], [sending] = sink.named("decode"), sink.named("send shards")
    assert {span.trace for span in sink.done} == {trace_of(JOB)}
    assert first.parent == root_span_of(JOB)
    assert first.link is None
    assert (decode.parent, sending.parent) == (first.id, first.id)
    assert second.parent == sending.id
    assert second.link == sending.context
    assert [span.kind for span in (first, sending, second, decode)] == [
        "consumer",
        "producer",
        "consumer",
        "internal",
    ]
    expected = {
        "messaging.destination.name": "shards",
        "messaging.operation.type": "process",
        "impasto.attempt": 1,
        "impasto.job": JOB,
        "impasto.segment": 7,
        "impasto.outcome": "done",
    }
    assert expected.items() <= second.attributes.items()
    assert float(second.attributes["impasto.waited_seconds"]) >= 0
    assert first.error is second.error is None
    assert spans.current() is None
    assert storage.queue("shards").count() == 0


@pytest.mark.parametrize(
    ("error", "event", "failed"),
    [
        (Retry("too early", after=0.1), "retried", True),
        (ValueError("AccountKey=" + "c2VjcmV0LXNlY3JldA=="), "retried", True),
        (NotYet("wait for it", after=0.1), "postponed", False),
        (Reject("this will never work"), "poisoned", True),
    ],
)
def test_what_happens_to_a_delivery_is_an_event_of_its_span(
    storage: Storage,
    settings: Settings,
    sink: Spans,
    error: Exception,
    event: str,
    failed: bool,
) -> None:
    raised = threading.Event()

    def handle(message: SegmentPlanned, work: Work) -> None:
        if not raised.is_set():
            raised.set()
            raise error

    stop = Stop()
    quick = settings.model_copy(update={"retry_seconds": 0.1, "max_attempts": 5})
    consumer = Consumer(storage, quick, stop, [Route("segments", SegmentPlanned, handle)])
    storage.queue("segments").send(PLANNED)
    wanted = 1 if isinstance(error, Reject) else 2
    with consuming(consumer, stop):
        eventually(lambda: len(sink.named("process segments")) == wanted, "all handlings")
    first = sink.named("process segments")[0]
    [found] = first.events
    assert found.name == event
    assert (first.error is not None) == failed
    assert "c2VjcmV0" not in f"{first.error} {found.attributes}"
    assert first.attributes["impasto.outcome"] == event
    assert {span.trace for span in sink.done} == {trace_of(JOB)}


def test_without_an_exporter_opentelemetry_isnt_loaded() -> None:
    """Nor is it by a span, a metric or a log line."""
    program = """
import sys
from shared import logs
from shared.runtime import serve
from shared.settings import Settings
from shared.telemetry import spans
from shared.telemetry.exporting import Telemetry
logs.configure("test")
Telemetry().export(Settings(), "test")
with spans.recording(spans.Span("process x", "1" * 32, "job")), spans.span("part"):
    logs.logger().info("in it")
print(*(name for name in sys.modules if name.startswith("opentelemetry")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == []


def test_traces_of_a_parent_of_another_job_are_not_joined(
    storage: Storage, settings: Settings, sink: Spans
) -> None:
    """A requeued or forged traceparent can't move a job into another one's trace."""
    other = Span("x", trace_of("other-0123456789ab"), "other-0123456789ab")
    stop = Stop()
    route = Route("segments", SegmentPlanned, lambda message, work: None)
    storage.queue("segments").send(PLANNED.model_copy(update={"trace": other.context.traceparent}))
    with consuming(Consumer(storage, settings, stop, [route]), stop):
        eventually(lambda: sink.named("process segments"), "the handling")
    [span] = sink.named("process segments")
    assert parse_traceparent(other.context.traceparent) is not None
    assert (span.trace, span.parent, span.link) == (trace_of(JOB), root_span_of(JOB), None)
