"""Rounds of readings, for tests: files in a container, and the workload's parts called by hand."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from shared.messages import BlobCreated
from shared.records import Job, Segment
from shared.shards import unpack
from shared.storage import Storage
from shared.workload import Plan
from tests.support.azurite import Azurite
from workloads.readings.capture import capture_path, captured
from workloads.readings.round_detail import SplitDetail
from workloads.readings.settings import ReadingsSettings
from workloads.readings.shard import Shard
from workloads.readings.splitting import ReadingsSplitting

HOUR = datetime(2026, 11, 20, 14, tzinfo=UTC)
WINDOW = "2026-11-20T14"


def settings_of(azurite: Azurite, **changes: object) -> ReadingsSettings:
    return ReadingsSettings(**azurite.settings().model_dump(exclude_none=True) | changes)


def reading(device: str, seconds: float, value: float) -> dict[str, object]:
    at = (HOUR + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    return {"device": device, "time": at, "value": value}


def body(*readings: object) -> bytes:
    return json.dumps(readings[0] if len(readings) == 1 else readings).encode()


def put_capture(
    storage: Storage, bodies: Iterable[bytes], partition: int = 0, at: datetime = HOUR
) -> str:
    """Store a file as Capture does, and return its name."""
    name = capture_path("plant/pumps", partition, at + timedelta(minutes=5))
    storage.container("readings").write(name, captured(bodies, at))
    return name


def event_of(blob: str) -> BlobCreated:
    return BlobCreated.of(
        event_id="t-1",
        url="http://127.0.0.1/readings",
        container="readings",
        blob=blob,
        etag="0x1",
        size=0,
        at=datetime.now(UTC),
    )


class SplitRound:
    """A round after the splitter."""

    def __init__(
        self,
        storage: Storage,
        settings: ReadingsSettings,
        blob: str = WINDOW,
        plan: Plan | None = None,
    ) -> None:
        self.shards: list[dict[int, bytes]] = []
        splitting = ReadingsSplitting(storage, settings)
        try:
            plan = plan or splitting.plan(event_of(blob), lambda: None)
            self.job = Job(
                job="readings-test",
                trace="t-1",
                source=plan.source,
                model=plan.model,
                created=datetime.now(UTC),
                segments=plan.segments,
                detail=plan.detail,
            )
            self.segments = [self._split(splitting, n) for n in range(len(plan.segments))]
        finally:
            splitting.close()

    def _split(self, splitting: ReadingsSplitting, number: int) -> Segment:
        shards: dict[int, bytes] = {}
        segment = splitting.split(self.job, number, shards.__setitem__, lambda: None)
        assert list(shards) == list(range(segment.shards))
        self.shards.append(shards)
        return segment

    @property
    def detail(self) -> SplitDetail:
        return SplitDetail.model_validate(self.segments[0].detail)

    def decoded(self) -> list[Shard]:
        return [
            Shard.decode(item.data)
            for shards in self.shards
            for data in shards.values()
            for item in unpack(data)
        ]

    def readings(self) -> dict[str, list[tuple[float, float]]]:
        """All readings by device, each with its seconds after the hour and its value."""
        found: dict[str, list[tuple[float, float]]] = {}
        for shard in self.decoded():
            devices, codes, times, values = shard.columns
            assert len(devices) == len(set(devices) - set(found)), "a device is in two shards"
            seconds = times / 1e6 - HOUR.timestamp()
            for code, second, value in zip(codes, seconds, values, strict=True):
                found.setdefault(devices[code], []).append((float(second), float(value)))
        return found
