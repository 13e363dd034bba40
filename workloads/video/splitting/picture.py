"""Converts decoded frames to RGB pictures: upright, deinterlaced, with BT.709 colours."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, islice
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray

from shared.errors import Refused
from workloads.video.detail import VideoDetail
from workloads.video.settings import SplittingSettings
from workloads.video.splitting.limits import within_limits
from workloads.video.splitting.reading import frames_in, packets

HDR_TRANSFERS = {16: "HDR (PQ)", 18: "HDR (HLG)"}
BT2020 = 9
UNSPECIFIED = 2
#: Larger pictures without a tag have BT.709 colours, others BT.601.
LARGEST_SD = (1024, 576)
FRAMES_EXAMINED = 8

Picture = NDArray[np.uint8]


class PictureFormat(NamedTuple):
    """How the frames of a video are converted to pictures."""

    width: int
    height: int
    rotation: int
    interlaced: bool
    wide_gamut: bool


def picture_format(
    container: InputContainer, stream: Stream, settings: SplittingSettings
) -> tuple[PictureFormat, list[str]]:
    """Return the format, as far as the first frames tell, and notes for the viewer."""
    frames = first_frames(container, stream, settings)
    if not frames:
        raise Refused("not one frame of the video can be decoded")
    first = frames[0]
    rotation = round(first.rotation / 90) * 90 % 360
    width, height = first.width, first.height
    if rotation % 180:
        width, height = height, width
    interlaced = any(frame.interlaced_frame for frame in frames)
    transfer = HDR_TRANSFERS.get(first.color_trc)
    wide = transfer is not None or first.color_primaries == BT2020
    notes = []
    if rotation:
        notes.append(f"turned by {rotation}°, as the file says")
    if interlaced:
        notes.append("deinterlaced")
    if wide:
        notes.append(f"{transfer or 'wide colours (BT.2020)'} brought to standard range, BT.709")
    if width % 2 or height % 2:
        notes.append(f"{width}×{height} made even by repeating the last row or column")
    if is_alpha_format(first.format.name):
        notes.append("transparency flattened onto black")
    elif stream.metadata.get("alpha_mode") == "1":
        notes.append("transparency left out")
    found = PictureFormat(width + width % 2, height + height % 2, rotation, interlaced, wide)
    return found, notes


def first_frames(
    container: InputContainer, stream: Stream, settings: SplittingSettings
) -> list[VideoFrame]:
    found = chain.from_iterable(map(frames_in, packets(container, stream)))
    return list(islice(within_limits(found, settings), FRAMES_EXAMINED))


def is_alpha_format(name: str) -> bool:
    return name.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya", "pal8"))


class PictureConverter:
    """Converts frames to RGB pictures of one size."""

    def __init__(self, detail: VideoDetail) -> None:
        self._detail = detail
        self._reformatter = VideoReformatter()
        self._width, self._height = detail.width, detail.height
        if detail.rotation % 180:
            self._width, self._height = self._height, self._width

    def __call__(self, frame: VideoFrame) -> Picture:
        alpha = is_alpha_format(frame.format.name)
        target = {}
        if self._detail.wide_gamut:
            target = {
                "dst_color_trc": ColorTrc.BT709,
                "dst_color_primaries": ColorPrimaries.BT709,
                "dst_colorspace": Colorspace.ITU709,
            }
        rgb = self._reformatter.reformat(
            frame,
            format="rgba" if alpha else "rgb24",
            src_colorspace=None if self._detail.wide_gamut else colour_of(frame),
            **self._size(frame),
            **target,
        )
        pixels: Picture = rgb.to_ndarray().astype(np.uint8, copy=False)
        if alpha:
            opacity = pixels[:, :, 3:].astype(np.uint16)
            pixels = ((pixels[:, :, :3] * opacity + 127) // 255).astype(np.uint8)
        return self._padded(np.rot90(pixels, self._detail.rotation // 90))

    def scales(self, frame: VideoFrame) -> bool:
        """Whether the frame has another size than the first one, and is scaled to that."""
        off = (self._width - frame.width, self._height - frame.height)
        return any(more not in (0, 1) for more in off)

    def _size(self, frame: VideoFrame) -> dict[str, int]:
        return {"width": self._width, "height": self._height} if self.scales(frame) else {}

    def _padded(self, pixels: Picture) -> Picture:
        down = self._detail.height - pixels.shape[0]
        right = self._detail.width - pixels.shape[1]
        if down or right:
            pixels = np.pad(pixels, ((0, down), (0, right), (0, 0)), mode="edge")
        return np.ascontiguousarray(pixels)


def colour_of(frame: VideoFrame) -> Colorspace:
    if frame.colorspace not in (UNSPECIFIED, 0):
        return Colorspace(frame.colorspace)
    large = frame.width > LARGEST_SD[0] or frame.height > LARGEST_SD[1]
    return Colorspace.ITU709 if large else Colorspace.ITU601


def deinterlaced(frames: Iterable[VideoFrame], stream: Stream) -> Iterator[VideoFrame]:
    """Yield one frame for each pair of fields; the filter uses its neighbours as well."""
    graph: Graph | None = None
    tick = stream.time_base or Fraction(1, 1)
    for frame in frames:
        if graph is None:
            graph = Graph()
            source = graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=tick,
            )
            graph.link_nodes(
                source, graph.add("bwdif", "mode=send_frame:deint=interlaced"),
                graph.add("buffersink"),
            ).configure()  # fmt: skip
        graph.push(frame)
        yield from filtered(graph, tick)
    if graph:
        graph.push(None)
        yield from filtered(graph, tick)


def filtered(graph: Graph, tick: Fraction) -> Iterator[VideoFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        if isinstance(frame, VideoFrame):
            if frame.pts is not None and frame.time_base:  # the filter counts in half ticks
                frame.pts = round(frame.pts * frame.time_base / tick)
            yield frame
