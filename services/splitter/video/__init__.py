"""All that the splitter knows of video. It runs in a cage: files come from anywhere."""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import NamedTuple

from services.splitter.settings import SplitterSettings
from services.splitter.video.decoding import frames
from services.splitter.video.planning import Plan, plan
from shared.blobs import Blob, Container
from shared.records import Job
from shared.shards import SHARD_ITEMS, pack
from shared.storage import Storage
from shared.video import SegmentDetail, VideoDetail

__all__ = ["Plan", "SegmentDetail", "Shard", "VideoDetail", "plan_of", "shards_of"]


class Shard(NamedTuple):
    data: bytes
    pts: list[int]
    damaged: int
    scaled: int


def plan_of(settings: SplitterSettings, blob: Blob) -> Iterator[Plan]:
    with input_of(settings).open(blob.name, blob.etag, blob.size) as file:
        yield plan(file, settings)


def shards_of(settings: SplitterSettings, job: Job, segment: int) -> Iterator[Shard]:
    source = job.source
    detail = VideoDetail.model_validate(job.detail)
    with input_of(settings).open(source.blob, source.etag, source.size) as file:
        found = frames(file, detail, job.segments[segment], segment, settings)
        while batch := list(islice(found, SHARD_ITEMS)):
            yield Shard(
                pack(frame.item for frame in batch),
                [frame.pts for frame in batch],
                sum(frame.damaged for frame in batch),
                sum(frame.scaled for frame in batch),
            )


@cache
def storage_of(settings: SplitterSettings) -> Storage:
    return Storage(settings)


def input_of(settings: SplitterSettings) -> Container:
    return storage_of(settings).container("input")
