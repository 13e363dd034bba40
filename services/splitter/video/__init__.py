"""All that the splitter knows of video. What reads files runs in a sandbox: see `tasks.py`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydantic import BaseModel, Field

from services.splitter.settings import SplitterSettings
from shared.blobs import Container
from shared.records import Job, Source, Span
from shared.sandbox import Limits, Result, Sandbox
from shared.video import SegmentDetail, VideoDetail

__all__ = ["Decoder", "Plan", "SegmentDetail", "Shard"]

Check = Callable[[], None]


class Plan(BaseModel):
    segments: list[Span] = Field(min_length=1, max_length=100_000)
    detail: VideoDetail


class Shard(BaseModel):
    pts: list[int]
    damaged: int = Field(ge=0)
    scaled: int = Field(ge=0)


class Decoder:
    """Reads the videos in a container, in a sandbox."""

    def __init__(self, container: Container, settings: SplitterSettings) -> None:
        self._container = container
        self._told = settings.own()
        limits = Limits(
            settings.decoder_mib, settings.decoder_seconds, settings.decoder_total_seconds
        )
        self._sandbox = Sandbox(f"{__name__}.tasks", limits, settings.require_sandbox)
        self.start, self.close = self._sandbox.start, self._sandbox.close

    def plan(self, source: Source, check: Check) -> Plan:
        files = {"source": lambda: self._container.open(source.blob, source.etag, source.size)}
        with self._sandbox.run(check, "plan", Plan, {"settings": self._told}, files) as plans:
            [plan] = plans
        return plan.value

    @contextmanager
    def shards(self, job: Job, number: int, check: Check) -> Iterator[Iterator[Result[Shard]]]:
        source = job.source
        files = {"source": lambda: self._container.open(source.blob, source.etag, source.size)}
        args = {
            "settings": self._told,
            "detail": job.detail,
            "span": job.segments[number].model_dump(),
            "segment": number,
        }
        with self._sandbox.run(check, "shards", Shard, args, files) as shards:
            yield shards
