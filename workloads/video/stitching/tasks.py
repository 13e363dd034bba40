"""The tasks that the stitcher runs in its sandbox."""

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame

from shared.sandbox.child import import_all
from shared.sandbox.files import TaskFiles
from workloads.video.detail import SOURCE_ONLY, VideoDetail
from workloads.video.settings import StitchingSettings
from workloads.video.stitching.muxing import mux
from workloads.video.stitching.packets import EncodedSegment

#: When each frame of each segment is shown.
Times = list[list[int]]


def mux_all(
    files: TaskFiles, settings: dict[str, Any], detail: dict[str, Any], times: Times
) -> Iterator[tuple[Any, bytes]]:
    kind, notes = mux(
        partial(encoded_segments, files, times),
        VideoDetail.model_validate(detail),
        files.open("source"),
        files.output(),
        StitchingSettings.model_construct(**settings),
    )
    yield {"suffix": f".{kind}", "notes": notes}, b""


def encoded_segments(files: TaskFiles, times: Times) -> Iterator[EncodedSegment]:
    """The segments that have frames, in order."""
    for number, shown in enumerate(times):
        if shown:
            yield EncodedSegment(files.open(f"segment/{number}"), shown)


TASKS = {"mux": mux_all}


def warm_up() -> None:
    """Mux a clip of each kind: all modules have to be loaded before the sandbox closes."""
    import_all("av")
    pixels = np.zeros((64, 64, 3), np.uint8)
    for form in ("mp4", "matroska"):
        clip = io.BytesIO()
        with av.open(clip, "w", format=form) as out:
            stream = out.add_stream("mpeg4", rate=25)
            stream.width = stream.height = 64
            stream.pix_fmt = "yuv420p"
            out.mux(stream.encode(VideoFrame.from_ndarray(pixels, format="rgb24")))
            out.mux(stream.encode(None))
        clip.seek(0)
        with av.open(clip, "r", container_options=SOURCE_ONLY) as container:
            list(container.decode(container.streams.video[0]))
            container.chapters()
