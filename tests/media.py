"""Clips made for tests, and the facts of a clip that must survive."""

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av


def make_clip(
    path: Path,
    seconds: float = 3,
    rate: Fraction | int = 25,
    size: str = "320x180",
    gop: int = 12,
    x264: str = "bframes=3",
    gaps: list[int] | None = None,
    sound: bool = True,
    late: int = 0,
) -> Path:
    """A moving test picture; `gaps` are waits before its frames, in turn, in 1/90000 s."""
    tick = Fraction(1, 90_000)
    source = av.open(f"testsrc2=size={size}:rate={rate}:duration={seconds}", format="lavfi")
    with source, av.open(str(path), "w", format="mp4") as out:
        video = out.add_stream("libx264", rate=Fraction(rate))
        video.width, video.height = map(int, size.split("x"))
        video.pix_fmt = "yuv420p"
        video.gop_size = gop
        video.codec_context.time_base = tick
        video.codec_context.options = {"preset": "ultrafast", "x264-params": x264}
        audio = out.add_stream("aac", rate=48_000) if sound else None
        at = late
        for n, frame in enumerate(source.decode(video=0)):
            at += gaps[n % len(gaps)] if gaps else 0
            frame.pts, frame.time_base = at, tick
            at += round(1 / Fraction(rate) / tick)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if audio:
            with av.open(f"sine=frequency=440:duration={seconds}", format="lavfi") as tone:
                resampler = av.AudioResampler("fltp", "stereo", 48_000)
                for samples in tone.decode(audio=0):
                    for piece in resampler.resample(samples):
                        out.mux(audio.encode(piece))
                out.mux(audio.encode(None))
    return path


def without_adts(packet: bytes) -> bytes:
    """MPEG streams put a header before every AAC packet; mp4 says the same once, for all."""
    return packet[7:] if packet[:2] in (b"\xff\xf1", b"\xff\xf9") else packet


class Facts(NamedTuple):
    """What a viewer would notice."""

    times: list[Fraction]
    tick: Fraction
    size: tuple[int, int]
    sound: dict[int, list[tuple[Fraction, str]]]


def facts(path: Path) -> Facts:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base
        times = [Fraction(frame.pts or 0) * stream.time_base for frame in container.decode(stream)]
        size = (stream.width, stream.height)
        tick = stream.time_base
    sound: dict[int, list[tuple[Fraction, str]]] = {}
    with av.open(str(path)) as container:
        order = {stream.index: n for n, stream in enumerate(container.streams.audio)}
        for packet in container.demux(*container.streams.audio) if order else ():
            if packet.size:
                at = Fraction(packet.pts or 0) * packet.time_base
                digest = hashlib.md5(without_adts(bytes(packet))).hexdigest()
                sound.setdefault(order[packet.stream_index], []).append((at, digest))
    return Facts(times, tick, size, sound)


def assert_same_but_for_the_picture(output: Path, source: Path) -> None:
    before, after = facts(source), facts(output)
    assert len(after.times) == len(before.times)
    for was, now in zip(before.times, after.times, strict=True):
        assert abs(now - was) <= after.tick
    assert after.size == before.size
    assert_same_sound(before, after)


def assert_same_sound(before: Facts, after: Facts) -> None:
    """Packet for packet; containers that count in milliseconds blur when, not what."""
    assert after.sound.keys() == before.sound.keys()
    for track, packets in before.sound.items():
        assert [digest for _, digest in packets] == [digest for _, digest in after.sound[track]]
        for (was, _), (now, _) in zip(packets, after.sound[track], strict=True):
            assert abs(now - was) <= Fraction(1, 1000)
