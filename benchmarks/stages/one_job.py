"""Takes jobs through the services' handlers, in this process."""

import time

from benchmarks.model import STYLE
from benchmarks.sample_clip import CLIP
from benchmarks.temporary_storage import TemporaryStorage
from services.scorer.service import ScoringService
from services.scorer.settings import ScorerSettings
from shared import names
from shared.arrivals import event_of
from shared.messages import ChunkPlanned, ChunkScored, SegmentPlanned
from shared.runtime.work import Work
from shared.settings import Settings
from shared.shards import unpack
from tests.support.parts import video_splitter, video_stitcher


class OneJob:
    """The current job; `drop` begins another one."""

    def __init__(self, own: TemporaryStorage) -> None:
        self.storage = own.storage
        settings = own.accounts.settings().model_dump() | {"keep_intermediates": True}
        known = Settings.model_validate(settings)
        self.splitter = video_splitter(own.storage, known)
        self.scorer = ScoringService(own.storage, ScorerSettings.model_validate(settings))
        self.stitcher = video_stitcher(own.storage, known)
        self.job = ""

    def close(self) -> None:
        self.splitter.close()
        self.stitcher.close()

    def drop(self) -> None:
        container, blob = self.storage.container("input"), f"{STYLE}/{time.monotonic_ns()}.mp4"
        etag = container.write(blob, CLIP.read_bytes())
        event = event_of(container, blob, etag, CLIP.stat().st_size)
        self.job = event.job
        self.splitter.open_job(event, Work(1))

    def split(self) -> None:
        self.splitter.split(SegmentPlanned(trace="bench", job=self.job, segment=0), Work(1))

    def score(self) -> None:
        shards = len(self.storage.container("shards").under(f"{self.job}/"))
        chunk = ChunkPlanned(
            trace="bench",
            job=self.job,
            segment=0,
            chunk=0,
            model=STYLE,
            first_shard=0,
            shards=shards,
        )
        self.scorer.score(chunk, Work(1))

    def stitch(self) -> None:
        scored = ChunkScored(trace="bench", job=self.job, segment=0, chunk=0)
        self.stitcher.stitch(scored, Work(1))

    def jpegs(self, container: str) -> list[bytes]:
        shards = self.storage.container(container).under(names.segment_folder(self.job, 0))
        read = self.storage.container(container).read
        return [item.data for shard in shards for item in unpack(read(shard.name))]
