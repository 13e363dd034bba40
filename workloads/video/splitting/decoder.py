"""Plans and decodes videos. What reads files runs in a sandbox (`tasks.py`)."""

from pydantic import BaseModel, Field

from shared.blobs import Container
from shared.errors import Refused
from shared.records import Job, Segment, Source, Span
from shared.sandbox import Limits, Sandbox
from shared.workload import Check, WriteShard
from workloads.video.detail import SegmentDetail, VideoDetail
from workloads.video.settings import SplittingSettings

#: How many frames a shard has but a segment's last: about a second of video. Of the fine way there
#: are few, because each takes minutes: between two shards a worker notices that it has to stop, and
#: what it has done of a shard is lost with it.
SHARD_FRAMES, FINE_SHARD_FRAMES = 25, 4
#: The module that the sandbox runs.
TASKS = "workloads.video.splitting.tasks"


class VideoPlan(BaseModel):
    segments: list[Span] = Field(min_length=1, max_length=100_000)
    detail: VideoDetail


class Shard(BaseModel):
    pts: list[int]
    damaged: int = Field(ge=0)
    scaled: int = Field(ge=0)


class Decoder:
    """Plans and decodes the videos of a container, in a sandbox."""

    def __init__(self, container: Container, settings: SplittingSettings) -> None:
        self._container = container
        self._own_settings = settings.own()
        self._refuse_damaged = settings.refuse_damaged
        limits = Limits(
            settings.decoder_mib, settings.decoder_seconds, settings.decoder_total_seconds
        )
        self._sandbox = Sandbox(TASKS, limits, settings.require_sandbox)
        self.start, self.close = self._sandbox.start, self._sandbox.close

    def plan(self, source: Source, check: Check) -> VideoPlan:
        files = {"source": lambda: self._container.open(source.blob, source.etag, source.size)}
        args = {"settings": self._own_settings}
        with self._sandbox.run(check, "plan", VideoPlan, args, files) as plans:
            [plan] = plans
        return plan.value

    def decode(self, job: Job, number: int, write: WriteShard, check: Check) -> Segment:
        """Decode a segment into shards; each is written while the next one is decoded."""
        source = job.source
        files = {"source": lambda: self._container.open(source.blob, source.etag, source.size)}
        args = {
            "settings": self._own_settings,
            "detail": job.detail,
            "span": job.segments[number].model_dump(),
            "segment": number,
            "shard_frames": job.shard_items or SHARD_FRAMES,
        }
        pts: list[int] = []
        shards = damaged = scaled = 0
        with self._sandbox.run(check, "shards", Shard, args, files) as found:
            for shard, data in found:
                check()
                write(shards, data)
                pts += shard.pts
                damaged += shard.damaged
                scaled += shard.scaled
                shards += 1
        lost = max(0, job.segments[number].items - len(pts))
        if (lost or damaged) and self._refuse_damaged:
            raise Refused(f"the video is damaged: {lost} frames are lost, {damaged} are damaged")
        detail = SegmentDetail(pts=pts, lost=lost, damaged=damaged, scaled=scaled)
        return Segment(
            job=job.job,
            segment=number,
            items=len(pts),
            shards=shards,
            detail=detail.model_dump(),
        )
