"""A service with an exporter sends whole traces and all its metrics to a collector on loopback."""

import signal
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from shared.messages import SegmentPlanned
from shared.settings import Settings
from shared.storage import Storage
from shared.telemetry.ids import root_span_of, trace_of
from tests.integration.conftest import JOB, Notes, Spawn
from tests.support.otlp_receiver import Receiver, attributes, receiving
from tests.support.waiting import eventually

PLANNED = SegmentPlanned(trace="t-1", job=JOB, segment=7)
KEY = "AccountKey="
INSTRUMENTATION_KEY = "00000000-1111-2222-3333-444444444444"


def named(receiver: Receiver, name: str) -> list[Span]:
    return [span for _, span in receiver.spans if span.name == name]


def test_a_collector_gets_whole_traces_and_metrics(
    storage: Storage, settings: Settings, spawn: Spawn, notes: Notes
) -> None:
    with receiving() as receiver:
        process = spawn("quick", otlp_endpoint=receiver.url, otlp_seconds=0.2)
        storage.queue("segments").send(PLANNED)
        notes.wait_for("ended")
        eventually(lambda: "impasto_messages" in receiver.metrics, "the metrics", 30)
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        [span] = eventually(lambda: named(receiver, "process segments"), "the span", 30)
        requests = [found for _, found in receiver.spans if found.kind == Span.SPAN_KIND_CLIENT]
    assert span.trace_id.hex() == trace_of(JOB)
    assert span.parent_span_id.hex() == root_span_of(JOB)
    assert span.kind == Span.SPAN_KIND_CONSUMER
    told = attributes(span.attributes)
    assert told["messaging.destination.name"] == "segments"
    assert told["impasto.outcome"] == "done"
    assert {service for service, _ in receiver.spans} == {"impasto-probe"}
    # Of the handler's three writes to storage, by azure-core's own plugin; and of no idle poll.
    assert len(requests) >= 3
    assert {found.trace_id.hex() for _, found in receiver.spans} == {trace_of(JOB)}
    counted = receiver.metrics["impasto_messages"].sum.data_points
    assert [(point.as_double, attributes(point.attributes)) for point in counted] == [
        (1.0, {"queue": "segments", "outcome": "done"})
    ]
    [histogram] = receiver.metrics["impasto_handling_seconds"].histogram.data_points
    assert histogram.count == 1
    assert sum(histogram.bucket_counts) == 1
    assert len(histogram.bucket_counts) == len(histogram.explicit_bounds) + 1
    assert "impasto_storage_requests" in receiver.metrics
    work = settings.work_connection
    assert work
    key = work.get_secret_value().partition(KEY)[2].partition(";")[0]
    assert key
    assert not [body for body in receiver.raw if key.encode() in body or b"sig=" in body]


def test_a_share_of_no_traces_exports_no_span(storage: Storage, spawn: Spawn, notes: Notes) -> None:
    with receiving() as receiver:
        process = spawn("quick", otlp_endpoint=receiver.url, otlp_seconds=60, trace_share=0)
        storage.queue("segments").send(PLANNED)
        notes.wait_for("ended")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        assert "impasto_messages" in receiver.metrics
    assert receiver.spans == []


@pytest.mark.parametrize("behaviour", ["quick", "fail"])
def test_a_collector_that_doesnt_answer_holds_up_nothing(
    storage: Storage, spawn: Spawn, notes: Notes, behaviour: str
) -> None:
    process = spawn(
        behaviour, otlp_endpoint="http://127.0.0.1:9", otlp_seconds=0.2, retry_seconds=0.01
    )
    storage.queue("segments").send(PLANNED)
    eventually(lambda: storage.queue("segments").count() == 0, "an empty queue")
    assert storage.poison("segments").count() == (behaviour == "fail")
    assert not process.dead


def test_azure_monitor_gets_the_same(
    storage: Storage, spawn: Spawn, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its exporter runs as it is, but for what it would tell its own makers."""
    monkeypatch.setenv("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")
    with receiving() as receiver:
        monkeypatch.setenv(
            "APPLICATIONINSIGHTS_CONNECTION_STRING",
            f"InstrumentationKey={INSTRUMENTATION_KEY};IngestionEndpoint={receiver.url}/",
        )
        process = spawn("quick", otlp_seconds=60)
        storage.queue("segments").send(PLANNED)
        notes.wait_for("ended")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        told = [item["data"]["baseData"] for group in receiver.tracked for item in as_list(group)]
    assert [each for each in told if each.get("name") == "process segments"]
    metrics = {point["name"] for each in told for point in each.get("metrics", [])}
    assert "impasto_messages" in metrics


def as_list(found: object) -> list[Any]:
    return found if isinstance(found, list) else [found]
