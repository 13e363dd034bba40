"""The tasks that the splitter runs in its sandbox."""

import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

import av
import numpy as np
import simplejpeg
from av.video.frame import VideoFrame

from shared.records import Span
from shared.sandbox.child import import_all
from shared.sandbox.files import TaskFiles
from shared.shards import pack
from workloads.video.detail import SOURCE_ONLY, VideoDetail
from workloads.video.settings import SplittingSettings
from workloads.video.splitting.decoding import frames
from workloads.video.splitting.picture import deinterlaced
from workloads.video.splitting.planning import plan

Answers = Iterator[tuple[Any, bytes]]


def plan_of(files: TaskFiles, settings: dict[str, Any]) -> Answers:
    found = plan(files.open("source"), SplittingSettings.model_construct(**settings))
    segments = [span.model_dump() for span in found.segments]
    yield {"segments": segments, "detail": found.detail.model_dump()}, b""


def shards_of(
    files: TaskFiles,
    settings: dict[str, Any],
    detail: dict[str, Any],
    span: dict[str, Any],
    segment: int,
    shard_frames: int,
) -> Answers:
    found = frames(
        files.open("source"),
        VideoDetail.model_validate(detail),
        Span.model_validate(span),
        segment,
        SplittingSettings.model_construct(**settings),
    )
    while batch := list(islice(found, shard_frames)):
        value = {
            "pts": [frame.pts for frame in batch],
            "damaged": sum(frame.damaged for frame in batch),
            "scaled": sum(frame.scaled for frame in batch),
        }
        yield value, pack(frame.item for frame in batch)


TASKS = {"plan": plan_of, "shards": shards_of}


def warm_up() -> None:
    """Encode and decode a clip: all modules have to be loaded before the sandbox closes."""
    import_all("av")
    clip = io.BytesIO()
    pixels = np.zeros((64, 64, 3), np.uint8)
    with av.open(clip, "w", format="matroska") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(3):
            out.mux(stream.encode(VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    clip.seek(0)
    with av.open(clip, "r", container_options=SOURCE_ONLY) as container:
        stream = container.streams.video[0]
        for frame in deinterlaced(container.decode(stream), stream):
            simplejpeg.encode_jpeg(frame.to_ndarray(format="rgb24"), 95, "RGB", "420")
    pack([])
