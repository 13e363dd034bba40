"""Small files that decode to more than their headers say are refused."""

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import simplejpeg
from av.packet import Packet
from av.video.frame import VideoFrame

from tests.support.media import make_clip
from tests.unit.test_video import refusal
from workloads.video.settings import SplittingSettings
from workloads.video.splitting import decoding, planning

TICK = Fraction(1, 25)


def vp8(width: int, height: int) -> list[bytes]:
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = TICK
    encoder.options = {"deadline": "realtime", "cpu-used": "16"}
    frame = VideoFrame(width, height, "yuv420p")
    frame.pts, frame.time_base = 0, TICK
    return [bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)]]


def mjpeg(width: int, height: int) -> list[bytes]:
    black = np.zeros((height, width, 3), np.uint8)
    return [simplejpeg.encode_jpeg(black, 50, "RGB", "420")]


def small_says_its_header(path: Path, codec: str, packets: list[bytes]) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_mux_stream(codec, rate=25, width=64, height=64)
        stream.time_base = TICK
        for number, data in enumerate(packets):
            packet = Packet(data)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = TICK, stream, True
            out.mux(packet)
    return path


@pytest.mark.parametrize("codec", ["vp8", "mjpeg"])
@pytest.mark.parametrize("suffix", ["avi", "mkv"])
def test_frames_are_larger_than_the_header_says(codec: str, suffix: str, tmp_path: Path) -> None:
    frames = (vp8 if codec == "vp8" else mjpeg)(4000, 3000)
    path = small_says_its_header(tmp_path / f"clip.{suffix}", codec, frames)
    assert refusal(path, most_pixels=10_000_000) == (
        "the picture is 4000×3000; at most 10,000,000 pixels are taken"
    )


@pytest.mark.parametrize("codec", ["vp8", "mjpeg"])
def test_later_frames_are_larger_than_the_first(codec: str, tmp_path: Path) -> None:
    """Beyond the frames that planning examines."""
    make = vp8 if codec == "vp8" else mjpeg
    path = small_says_its_header(tmp_path / "clip.mkv", codec, make(64, 64) * 30 + make(4000, 3000))
    assert refusal(path, most_pixels=10_000_000) == (
        "the picture is 4000×3000; at most 10,000,000 pixels are taken"
    )


def boxes(data: bytes, *names: str) -> tuple[int, int]:
    """Where the content of nested boxes of an mp4 begins and ends."""
    start, end = 0, len(data)
    for name in names:
        at = start
        while at < end:
            size, kind = struct.unpack(">I4s", data[at : at + 8])
            if kind.decode("latin-1") == name:
                start, end = at + 8, at + size
                break
            at += size
        else:
            raise AssertionError(f"there is no {name}")
    return start, end


def overlapping(clip: Path, samples: int) -> bytes:
    """An mp4 whose tables list its only sample many times."""
    data = clip.read_bytes()
    path = ("moov", "trak", "mdia", "minf", "stbl")
    start, _ = boxes(data, *path, "stsz")
    [size] = struct.unpack(">I", data[start + 4 : start + 8])  # of all samples: there is one
    [offset] = struct.unpack(">I", data[boxes(data, *path, "stco")[0] + 8 :][:4])
    tables = {
        "stsd": data[slice(*boxes(data, *path, "stsd"))],
        "stts": struct.pack(">IIII", 0, 1, samples, 1),
        "stsc": struct.pack(">IIIII", 0, 1, 1, 1, 1),
        "stsz": struct.pack(">III", 0, size, samples),
        "stco": struct.pack(">II", 0, samples) + struct.pack(">I", offset) * samples,
    }
    stbl = b"".join(
        struct.pack(">I4s", len(body) + 8, name.encode()) + body for name, body in tables.items()
    )
    begin, end = boxes(data, *path)
    grown = len(stbl) - (end - begin)
    out = bytearray(data[:begin] + stbl + data[end:])
    for depth in range(1, len(path) + 1):
        at = boxes(data, *path[:depth])[0] - 8
        [old] = struct.unpack(">I", data[at : at + 4])
        out[at : at + 4] = struct.pack(">I", old + grown)
    return bytes(out)


def test_a_sample_that_is_listed_many_times_is_refused(tmp_path: Path) -> None:
    """Two megabytes that claim 400,000 frames."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.04, size="1280x720", tracks=())
    path = tmp_path / "again.mp4"
    path.write_bytes(overlapping(clip, 400_000))
    assert path.stat().st_size < 2_000_000
    assert refusal(path) == "the file claims to hold more than it does: its packets overlap"


def test_a_sample_that_is_listed_twice_is_accepted(tmp_path: Path) -> None:
    """Some editors write a still picture so."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.04, tracks=())
    data = overlapping(clip, 2)
    plan = planning.plan(io.BytesIO(data), SplittingSettings())
    [span] = plan.segments
    found = list(decoding.frames(io.BytesIO(data), plan.detail, span, 0, SplittingSettings()))
    assert len(found) == span.items == 2


def test_many_large_frames_in_a_small_file_are_refused(tmp_path: Path) -> None:
    """They don't overlap; their number of pixels is known before one is painted."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.04, size="1280x720", tracks=())
    path = tmp_path / "again.mp4"
    path.write_bytes(overlapping(clip, 1200) + bytes(20_000_000))
    assert refusal(path, most_gigapixels=1) == (
        "the video has 1 gigapixels in all its frames; at most 1 are taken"
    )
