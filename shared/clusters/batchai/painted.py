"""The frames that a worker painted: lines of JSON in an output directory of its Batch AI job."""

from collections.abc import Iterable

from pydantic import BaseModel

from shared.clusters.state import PaintedFrames

#: The output directory's id, the variable that tells a job where it is, and the file in it.
OUTPUT_ID = "PAINTED"
VARIABLE = f"AZ_BATCHAI_OUTPUT_{OUTPUT_ID}"
FILE = "painted.jsonl"


class PaintedShard(BaseModel):
    """One line. Frames count from 0 in the video; the last one is included."""

    video: str
    job: str
    segment: int
    chunk: int
    first_frame: int
    last_frame: int
    frames: int
    seconds: float


def by_video(shards: Iterable[PaintedShard]) -> list[PaintedFrames]:
    """The frames of each video, with adjacent ranges joined."""
    found: dict[str, PaintedFrames] = {}
    for shard in sorted(shards, key=lambda shard: (shard.video, shard.first_frame)):
        first, last = shard.first_frame, shard.last_frame
        video = found.get(shard.job)
        if video is None:
            video = PaintedFrames(video=shard.video, job=shard.job, frames=0, ranges=[], seconds=0)
            found[shard.job] = video
        if video.ranges and video.ranges[-1][1] + 1 >= first:
            video.ranges[-1] = (video.ranges[-1][0], max(last, video.ranges[-1][1]))
        else:
            video.ranges.append((first, last))
        video.frames += shard.frames
        video.seconds = round(video.seconds + shard.seconds, 3)
    return list(found.values())
