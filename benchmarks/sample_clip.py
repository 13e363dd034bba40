"""The sample clip: its frames, and longer videos made by repeating it."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from workloads.video.scoring.picture_scorer import Picture

CLIP = Path("deploy/sample/bigbuckbunny.mp4")


def frames_of(clip: Path, height: int = 720) -> list[Picture]:
    with av.open(str(clip)) as container:
        width = round(container.streams.video[0].width * height / container.streams.video[0].height)
        size = {"width": width - width % 2, "height": height}
        small = [f.reformat(**size, format="rgb24") for f in container.decode(video=0)]
    return [frame.to_ndarray().astype(np.uint8) for frame in small]


def looped(clip: Path, seconds: float, path: Path) -> Path:
    """Repeat the clip, without encoding it again, until it has about that length."""
    length = length_of(clip)
    with av.open(str(path), "w") as out:
        for number in range(max(1, round(seconds / length))):
            with av.open(str(clip)) as source:
                if number == 0:
                    streams = [out.add_stream_from_template(stream) for stream in source.streams]
                for packet in packets(source):
                    later = round(number * length / packet.time_base)
                    packet.pts, packet.dts = (packet.pts or 0) + later, (packet.dts or 0) + later
                    packet.stream = streams[packet.stream_index]
                    out.mux(packet)
    return path


def length_of(clip: Path) -> Fraction:
    """The length of its longest stream."""
    spans: dict[int, tuple[Fraction, Fraction]] = {}
    with av.open(str(clip)) as source:
        for packet in packets(source):
            start = (packet.dts or 0) * packet.time_base
            first, _ = spans.get(packet.stream_index, (start, start))
            end = start + (packet.duration or 0) * packet.time_base
            spans[packet.stream_index] = first, end
    return max(end - first for first, end in spans.values())


def packets(source: InputContainer) -> "Iterator[Packet[Stream]]":
    return (packet for packet in source.demux() if packet.size)


def frames_in(clip: Path) -> int:
    with av.open(str(clip)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)
