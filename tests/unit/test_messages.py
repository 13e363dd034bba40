"""Every body is parsed, or raises Malformed with a reason."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Malformed, TooBig
from shared.messages import (
    LARGEST_BODY,
    BlobCreated,
    ChunkPlanned,
    ChunkScored,
    Poisoned,
    SegmentPlanned,
    SegmentReady,
    decode,
    encode,
)
from shared.names import JOB_PATTERN

KINDS = [BlobCreated, SegmentPlanned, SegmentReady, ChunkPlanned, ChunkScored, Poisoned]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLANNED = SegmentPlanned(trace="t-1", job="holiday-0123456789ab", segment=3)


def wire(payload: object) -> str:
    return base64.b64encode(json.dumps(payload).encode()).decode()


def fields(**changes: object) -> dict[str, object]:
    return PLANNED.model_dump() | changes


@given(st.sampled_from(KINDS), st.binary(max_size=300))
def test_any_bytes_are_parsed_or_malformed(kind: type, payload: bytes) -> None:
    for text in (base64.b64encode(payload).decode(), payload.decode("latin-1")):
        try:
            assert isinstance(decode(text, kind), kind)
        except Malformed as error:
            assert str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
NEARLY = st.dictionaries(
    st.sampled_from([*PLANNED.model_dump(), "id", "subject", "data", "eventType", "eventTime"]),
    JSON,
)


@given(st.sampled_from(KINDS), NEARLY)
def test_nearly_right_json_is_parsed_or_malformed(kind: type, payload: object) -> None:
    try:
        decode(wire(payload), kind)
    except Malformed as error:
        assert str(error)


READY = st.builds(
    SegmentReady,
    trace=st.from_regex(r"[A-Za-z0-9-]{1,64}", fullmatch=True),
    job=st.from_regex(JOB_PATTERN).map(str.strip),
    segment=st.integers(0, 99_999),
    items=st.integers(1, 9_999_999),
    shards=st.integers(1, 9_999_999),
)


@given(READY)
def test_a_message_reads_back_as_it_was_sent(message: SegmentReady) -> None:
    assert decode(encode(message), SegmentReady) == message


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (fields(colour="red"), "colour: Extra inputs are not permitted"),
        (fields(version=2), "version: Input should be 1"),
        (fields(segment="3"), "segment: Input should be a valid integer"),
        (fields(segment=-1), "segment: Input should be greater than or equal to 0"),
        (fields(job="../../etc"), "job: String should match pattern"),
        (fields(job="a" * 64), "job: String should match pattern"),
        ([1, 2], "Input should be an object"),
    ],
)
def test_the_reason_says_what_and_where(payload: object, reason: str) -> None:
    with pytest.raises(Malformed, match="not a SegmentPlanned: ") as caught:
        decode(wire(payload), SegmentPlanned)
    assert reason in str(caught.value)


def test_a_body_that_isnt_base64_is_malformed() -> None:
    with pytest.raises(Malformed, match="isn't base64"):
        decode('{"plain": "json"}', SegmentPlanned)


def test_deep_nesting_is_malformed() -> None:
    deep = base64.b64encode(b"[" * 40_000).decode()
    with pytest.raises(Malformed):
        decode(deep, SegmentPlanned)


def test_size_counts_as_encoded() -> None:
    def poisoned(size: int) -> Poisoned:
        return Poisoned(
            queue="q", message_id="m", reason="r", attempts=1, worker="w", at=NOW, body="x" * size
        )

    overhead = len(poisoned(0).model_dump_json())
    largest = LARGEST_BODY // 4 * 3 - overhead
    assert len(encode(poisoned(largest))) == LARGEST_BODY
    with pytest.raises(TooBig, match=r"a Poisoned of 65,540 bytes is over the queue's 65,536"):
        encode(poisoned(largest + 1))


def event(**changes: object) -> dict[str, object]:
    """An event as Event Grid sends it, with unknown fields."""
    return {
        "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a",
        "subject": "/blobServices/default/containers/input/blobs/great-wave/my holiday/é.mp4",
        "eventType": "Microsoft.Storage.BlobCreated",
        "eventTime": "2026-01-02T03:04:05.1234567Z",
        "id": "831e1650-001e-001b-66ab-eeb76e069631",
        "data": {
            "api": "PutBlockList",
            "clientRequestId": "6d79dbfb-0e37-4fc4-981f-442c9ca65760",
            "eTag": "0x8D4BCC2E4835CD0",
            "contentType": "video/mp4",
            "contentLength": 524288,
            "blobType": "BlockBlob",
            "url": "https://a.blob.core.windows.net/input/great-wave/my%20holiday/%C3%A9.mp4",
            "sequencer": "00000000000004420000000000028963",
            "storageDiagnostics": {"batchId": "b68529f3-68cd-4744-baa4-3c0498ec19f0"},
        },
        "dataVersion": "",
        "metadataVersion": "1",
    } | changes


def test_event_grids_own_event_is_understood() -> None:
    created = decode(wire(event()), BlobCreated)
    assert (created.container, created.blob) == ("input", "great-wave/my holiday/é.mp4")
    assert created.data.content_length == 524288


def cloud_event(**changes: object) -> dict[str, object]:
    """The event as Event Grid sends it in the schema CloudEvents."""
    grid = event()
    return {
        "specversion": "1.0",
        "type": grid["eventType"],
        "source": grid["topic"],
        "time": grid["eventTime"],
        "id": grid["id"],
        "subject": grid["subject"],
        "datacontenttype": "application/json",
        "data": grid["data"],
    } | changes


def test_a_cloud_event_is_the_same_event() -> None:
    grid, cloud = (decode(wire(found), BlobCreated) for found in (event(), cloud_event()))
    assert cloud.model_dump() == grid.model_dump()
    assert cloud.job == grid.job
    with pytest.raises(Malformed, match="not a BlobCreated"):
        decode(wire(cloud_event(type="Microsoft.Storage.BlobDeleted")), BlobCreated)
    with pytest.raises(Malformed, match="not a BlobCreated"):
        decode(wire(cloud_event(specversion="2.0")), BlobCreated)


def test_events_of_renames_have_fewer_fields() -> None:
    urls = {"sourceUrl": "https://a/input/x/a.part", "destinationUrl": "https://a/input/x/a.mp4"}
    renamed = {"data": {"api": "RenameFile"} | urls}
    for kind in ("BlobRenamed", "DirectoryRenamed"):
        found = decode(wire(event(eventType=f"Microsoft.Storage.{kind}", **renamed)), BlobCreated)
        assert found.blob == "great-wave/my holiday/é.mp4"
        assert found.is_directory == (kind == "DirectoryRenamed")


@pytest.mark.parametrize(
    "changes",
    [
        {"eventType": "Microsoft.Storage.BlobDeleted"},
        {"subject": "/blobServices/default/containers/input"},
        {"subject": "/blobServices/default/containers//blobs/x"},
        {"data": {}},
    ],
)
def test_other_events_are_malformed(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed, match="not a BlobCreated"):
        decode(wire(event(**changes)), BlobCreated)


def test_our_own_event_reads_back() -> None:
    created = BlobCreated.of(
        event_id="e-1",
        url="http://h/a/input/x/y.mp4",
        container="input",
        blob="x/y.mp4",
        etag='"0x1"',
        size=7,
        at=NOW,
    )
    assert decode(encode(created), BlobCreated) == created
    assert created.data.e_tag == "0x1"
