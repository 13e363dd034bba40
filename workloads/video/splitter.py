"""The splitter's part: refuses what isn't a video to paint, plans it, and decodes it."""

from shared import names
from shared.blobs import Blob
from shared.errors import Changed, Refused
from shared.jobs import Jobs
from shared.messages import BlobCreated
from shared.records import Job, Segment, Source
from shared.sandbox import MIB
from shared.storage import Storage
from shared.workload import Check, Plan, WriteShard
from workloads.video.mixture import Mixture
from workloads.video.settings import SplittingSettings
from workloads.video.splitting.decoder import FINE_SHARD_FRAMES, SHARD_FRAMES, Decoder
from workloads.video.styles import require_styles


class VideoSplitting:
    failure = "the video can't be decoded"

    def __init__(self, storage: Storage, settings: SplittingSettings | None = None) -> None:
        self._storage = storage
        self._settings = settings or SplittingSettings()
        self._jobs = Jobs(storage)
        self._decoder = Decoder(storage.container("input"), self._settings)
        self._decoder.start()
        self.close = self._decoder.close

    def plan(self, event: BlobCreated, check: Check) -> Plan:
        names.check_blob_name(event.blob)
        blob = self._jobs.find_source(Source.of(event))
        if blob is None:
            raise Changed(event.blob)
        if blob.size == 0:
            raise Refused("the file is empty")
        if blob.size > self._settings.largest_mib * MIB:
            raise Refused(f"the file is larger than {self._settings.largest_mib:,} MiB")
        style = self._style_of(blob)
        require_styles(self._storage, style)
        source = Source(
            container=event.container, blob=blob.name, etag=blob.etag, size=blob.size, md5=blob.md5
        )
        plan = self._decoder.plan(source, check)
        frames = FINE_SHARD_FRAMES if Mixture.parse(style).fine else SHARD_FRAMES
        return Plan(source, style, plan.segments, plan.detail.model_dump(), frames)

    def split(self, job: Job, segment: int, write: WriteShard, check: Check) -> Segment:
        return self._decoder.decode(self._jobs.with_current_etag(job), segment, write, check)

    def _style_of(self, blob: Blob) -> str:
        """The blob's first folder; without one its metadata; without that the default."""
        folder = blob.name.split("/")[0] if "/" in blob.name else None
        return folder or blob.metadata.get("style") or self._settings.default_style
