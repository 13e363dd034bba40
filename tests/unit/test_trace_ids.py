"""A job's trace follows from its name; messages of older versions are understood."""

from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, StringConstraints

from shared.messages import SegmentPlanned, decode, encode
from shared.telemetry import spans
from shared.telemetry.ids import (
    SpanContext,
    is_sampled,
    new_span,
    parse_traceparent,
    root_span_of,
    trace_of,
)
from shared.telemetry.sending import sent_by
from shared.telemetry.spans import Span, recording

JOB = "holiday-0123456789ab"
PLANNED = SegmentPlanned(trace="831e1650-001e-001b-66ab-eeb76e069631", job=JOB, segment=3)


class PlannedBefore(BaseModel):
    """SegmentPlanned as the version before traceparents reads it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    version: Literal[1] = 1
    trace: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    job: str
    segment: int


def test_a_job_has_one_trace_and_other_jobs_have_others() -> None:
    assert trace_of(JOB) == trace_of(JOB)
    assert len({trace_of(JOB), trace_of("holiday-0123456789ac")}) == 2
    assert len(trace_of(JOB)) == 32
    assert len(root_span_of(JOB)) == 16
    assert new_span() != new_span()


@pytest.mark.parametrize("sampled", [True, False])
def test_a_traceparent_reads_back(sampled: bool) -> None:
    context = SpanContext(trace_of(JOB), root_span_of(JOB), sampled)
    assert parse_traceparent(context.traceparent) == context


@given(st.text(max_size=60))
def test_other_text_is_no_traceparent(text: str) -> None:
    assert parse_traceparent(text) is None


@pytest.mark.parametrize("trace, span", [("0" * 32, "1" * 16), ("1" * 32, "0" * 16)])
def test_ids_of_zeros_are_no_ids(trace: str, span: str) -> None:
    assert parse_traceparent(f"00-{trace}-{span}-01") is None


def test_every_service_exports_the_same_share_of_traces() -> None:
    traces = [trace_of(f"job-{number}") for number in range(4000)]
    assert all(is_sampled(trace, 1) for trace in traces)
    assert not any(is_sampled(trace, 0) for trace in traces)
    assert 800 < sum(is_sampled(trace, 0.25) for trace in traces) < 1200


def test_a_sent_message_names_the_current_span() -> None:
    span = Span("process segments", trace_of(JOB), JOB)
    with recording(span):
        sent = sent_by(PLANNED, None)
    assert parse_traceparent(sent.trace) == span.context
    assert sent_by(PLANNED, None) == PLANNED
    assert spans.current() is None


def test_services_of_the_version_before_accept_a_message_with_a_traceparent() -> None:
    """During a rolling upgrade older services receive what newer ones send."""
    span = Span("process segments", trace_of(JOB), JOB)
    with recording(span):
        text = encode(sent_by(PLANNED, None))
    sent = decode(text, SegmentPlanned)
    assert PlannedBefore.model_validate_json(sent.model_dump_json()).trace == sent.trace


def test_a_message_of_the_version_before_has_no_sender() -> None:
    assert parse_traceparent(decode(encode(PLANNED), SegmentPlanned).trace) is None
