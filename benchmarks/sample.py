"""The sample clip, as the benchmarks take it: its frames, or as long a film of it as is wanted."""

from pathlib import Path

import av
import numpy as np

from services.scorer.scorer import Picture

CLIP = Path("deploy/sample/bigbuckbunny.mp4")


def frames_of(clip: Path, height: int = 720) -> list[Picture]:
    with av.open(str(clip)) as container:
        width = round(container.streams.video[0].width * height / container.streams.video[0].height)
        size = {"width": width - width % 2, "height": height}
        small = [f.reformat(**size, format="rgb24") for f in container.decode(video=0)]
    return [frame.to_ndarray().astype(np.uint8) for frame in small]


def looped(clip: Path, seconds: float, path: Path) -> Path:
    """The clip again and again, packet for packet, until it is about so long."""
    with av.open(str(clip)) as source:
        length = (source.duration or 0) / av.time_base
    with av.open(str(path), "w") as out:
        for number in range(max(1, round(seconds / length))):
            with av.open(str(clip)) as source:
                if number == 0:
                    streams = [out.add_stream_from_template(stream) for stream in source.streams]
                for packet in source.demux():
                    if packet.size and packet.time_base:
                        later = round(number * length / packet.time_base)
                        packet.pts = (packet.pts or 0) + later
                        packet.dts = (packet.dts or 0) + later
                        packet.stream = streams[packet.stream_index]
                        out.mux(packet)
    return path
