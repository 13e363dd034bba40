"""The floor of each stage's cost: the same codecs or network, without the service."""

import math
import statistics
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import simplejpeg
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from benchmarks import model
from benchmarks.sample_clip import CLIP
from workloads.video.scoring.painter import Painter


def split() -> None:
    """Decode the video and encode JPEGs, without planning, packing or sending."""
    reformatter = VideoReformatter()
    with av.open(str(CLIP)) as container:
        for frame in container.decode(video=0):
            pixels = reformatter.reformat(frame, format="rgb24").to_ndarray()
            simplejpeg.encode_jpeg(pixels, 95, "RGB", "420")


def score(painter: Painter, jpegs: list[bytes]) -> Callable[[], None]:
    """The bare network on decoded frames."""
    frames = [simplejpeg.decode_jpeg(data, "RGB") for data in jpegs[:16]]

    def paint() -> None:
        for n in range(0, len(jpegs), len(frames)):
            model.concurrently(painter, frames[: len(jpegs) - n])

    return paint


def stitch(jpegs: list[bytes], folder: Path) -> Callable[[], None]:
    """Decode JPEGs and encode video, without fetching, muxing or sending."""

    def encode() -> None:
        reformatter = VideoReformatter()
        with av.open(str(folder / "floor.mp4"), "w") as out:
            stream = out.add_stream("libx264", rate=Fraction(25))
            stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
            stream.codec_context.options = {"preset": "veryfast", "crf": "18"}
            for data in jpegs:
                rgb = VideoFrame.from_numpy_buffer(simplejpeg.decode_jpeg(data, "RGB"))
                out.mux(stream.encode(reformatter.reformat(rgb, format="yuv420p")))
            out.mux(stream.encode(None))

    return encode


def jpeg_decibels(quality: int, subsampling: str) -> float:
    """The PSNR of the sample's frames after JPEG compression."""
    errors = []
    with av.open(str(CLIP)) as container:
        for frame in islice(container.decode(video=0), 0, None, 12):
            pixels = frame.to_ndarray(format="rgb24")
            again = simplejpeg.decode_jpeg(
                simplejpeg.encode_jpeg(pixels, quality, "RGB", subsampling), "RGB"
            )
            errors.append(np.square(pixels.astype(float) - again).mean())
    return 10 * math.log10(255**2 / statistics.mean(errors))
