"""Makes clips for tests, and compares what of a clip must stay the same."""

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.frame import PictureType
from av.video.stream import VideoStream


def make_clip(
    path: Path,
    seconds: float = 3,
    rate: Fraction | int = 25,
    size: str = "320x180",
    gop: int = 12,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    pixels: str = "yuv420p",
    picture: str = "testsrc2=",
    gaps: list[int] | None = None,
    tracks: tuple[str, ...] = ("aac",),
    rotation: int = 0,
    late: int = 0,
) -> Path:
    """A clip in the format of its suffix. `gaps` are extra times before frames, in 1/90000 s."""
    tick = Fraction(1, 90_000)
    source = av.open(f"{picture}size={size}:rate={rate}:duration={seconds}", format="lavfi")
    with source, av.open(str(path), "w") as out:
        video = out.add_stream(codec, rate=Fraction(rate))
        assert isinstance(video, VideoStream)
        video.width, video.height = map(int, size.split("x"))
        video.pix_fmt = pixels
        video.gop_size = gop
        video.codec_context.time_base = tick
        video.codec_context.options = options or {}
        if codec == "libx264":
            video.codec_context.options = {"preset": "ultrafast"} | (options or {"bf": "3"})
        if rotation:
            video.set_display_rotation(rotation)
        sounds = [out.add_stream(name, rate=48_000, layout="stereo") for name in tracks]
        at = late
        for n, drawn in enumerate(source.decode(video=0)):
            at += gaps[n % len(gaps)] if gaps else 0
            frame = drawn.reformat(format=pixels)
            frame.pict_type = PictureType.NONE  # else every frame would be a keyframe
            frame.pts, frame.time_base = at, tick
            at += round(1 / Fraction(rate) / tick)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        for number, sound in enumerate(sounds):
            assert isinstance(sound, AudioStream)
            play(sound, out, seconds, pitch=440 * (number + 1))
    return path


def play(sound: AudioStream, out: OutputContainer, seconds: float, pitch: int) -> None:
    codec = sound.codec_context
    resampler = av.AudioResampler(codec.format, codec.layout, codec.sample_rate, codec.frame_size)
    with av.open(f"sine=frequency={pitch}:duration={seconds}", format="lavfi") as tone:
        for samples in tone.decode(audio=0):
            for piece in resampler.resample(samples):
                out.mux(sound.encode(piece))
    for piece in resampler.resample(None):
        out.mux(sound.encode(piece))
    out.mux(sound.encode(None))


def without_adts(packet: bytes) -> bytes:
    """MPEG streams have a header in every AAC packet, mp4 has one for all."""
    return packet[7:] if packet[:2] in (b"\xff\xf1", b"\xff\xf9") else packet


#: MPEG's clock wraps around at 33 bits of 1/90000 s; times before 0 are just below that.
WRAP = Fraction(2**33, 90_000)


class Facts(NamedTuple):
    """What a viewer would notice."""

    times: list[Fraction]
    tick: Fraction
    size: tuple[int, int]
    sound: dict[int, list[tuple[Fraction, str]]]


def opened(path: Path) -> InputContainer:
    """FFmpeg doesn't recognize a transport stream of a few packets by its content."""
    return av.open(str(path), format="mpegts" if path.suffix == ".ts" else None)


def facts(path: Path) -> Facts:
    with opened(path) as container:
        stream = container.streams.video[0]
        assert stream.time_base
        times = [Fraction(frame.pts or 0) * stream.time_base for frame in container.decode(stream)]
        size = (stream.width, stream.height)
        tick = stream.time_base
    sound: dict[int, list[tuple[Fraction, str]]] = {}
    with opened(path) as container:
        order = {stream.index: n for n, stream in enumerate(container.streams.audio)}
        for packet in container.demux(*container.streams.audio) if order else ():
            if packet.size:
                at = Fraction(packet.pts or 0) * packet.time_base
                at -= WRAP if at > WRAP / 2 else 0
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
    """The same packets, at times that may differ by rounding to milliseconds."""
    assert after.sound.keys() == before.sound.keys()
    for track, packets in before.sound.items():
        assert [digest for _, digest in packets] == [digest for _, digest in after.sound[track]]
        for (was, _), (now, _) in zip(packets, after.sound[track], strict=True):
            assert abs(now - was) <= Fraction(1, 1000)
