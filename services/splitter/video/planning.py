"""Where to cut a video, known from its packets alone."""

import statistics
from bisect import bisect_left, bisect_right
from fractions import Fraction
from itertools import pairwise
from typing import BinaryIO, NamedTuple

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from services.splitter.settings import SplitterSettings
from services.splitter.video.opening import opened, video_in
from services.splitter.video.picture import look_of
from shared.errors import Refused
from shared.jobs import Span
from shared.video import VideoDetail

#: How much shorter than promised a file may end: containers round, and sound may be longer.
SHORT_SECONDS = Fraction(1, 10)
#: Of so many frames at least, so large a part must come evenly for a gap to be worth a word.
EVEN_FRAMES, EVEN = 10, 0.9
#: A piece without a keyframe may be this many times longer than wanted before it is cut anyway.
PATIENCE = 2


class Facts(NamedTuple):
    """What is to be known of a stream when its container is closed again."""

    stream: int
    tick: Fraction
    rate: Fraction
    aspect: Fraction


class Scan(NamedTuple):
    """What the packets of the file say."""

    shown: list[int]
    keyframes: list[int]
    packets: int
    in_order: bool
    reached: Fraction
    corrupt: int
    broken: bool

    @property
    def seekable(self) -> bool:
        return self.in_order and bool(self.keyframes)


class Plan(NamedTuple):
    segments: list[Span]
    detail: VideoDetail


def plan(file: BinaryIO, settings: SplitterSettings) -> Plan:
    with opened(file) as container:
        stream = video_in(container, settings)
        facts = facts_of(stream)
        scan = scanned(container, stream, settings)
        notes = missing(container, stream, scan)
    if notes and settings.refuse_damaged:
        raise Refused(f"the video is damaged: {notes[0]}")
    notes += gaps(scan, facts.tick)
    with opened(file) as container:
        look, more = look_of(container, container.streams[facts.stream])
    if not scan.seekable:
        more.append("the file's times don't run on; its frames are timed by their order")
    spans, keyframes = pieces(scan, Fraction(settings.segment_seconds) / facts.tick)
    check_length(spans, facts.tick, settings)
    aspect = 1 / facts.aspect if look.rotation % 180 else facts.aspect
    detail = VideoDetail(
        width=look.width,
        height=look.height,
        time_base=facts.tick.as_integer_ratio(),
        rate=facts.rate.as_integer_ratio(),
        sample_aspect=aspect.as_integer_ratio(),
        stream=facts.stream,
        keyframes=keyframes,
        sequential=not scan.seekable,
        rotation=look.rotation,
        interlaced=look.interlaced,
        wide_gamut=look.wide_gamut,
        notes=notes + more,
    )
    return Plan(spans, detail)


def facts_of(stream: VideoStream) -> Facts:
    if not stream.time_base:
        raise Refused("the video doesn't say when its frames are shown")
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return Facts(stream.index, stream.time_base, min(rate, 1 / stream.time_base), aspect)


def pieces(scan: Scan, ticks: Fraction) -> tuple[list[Span], list[int | None]]:
    if not scan.seekable:
        return [Span(start=0, stop=0, items=len(scan.shown))], [None]
    times = sorted(set(scan.shown))
    starts, keyframes = cuts(times, scan.keyframes, ticks)
    spans = [
        Span(start=start, stop=stop, items=bisect_left(times, stop) - bisect_left(times, start))
        for start, stop in pairwise([*starts, times[-1] + 1])
    ]
    return spans, keyframes


def scanned(container: InputContainer, stream: VideoStream, settings: SplitterSettings) -> Scan:
    shown: list[int] = []
    keyframes: list[int] = []
    packets, last, in_order, reached = 0, None, True, Fraction(0)
    corrupt, broken = 0, False
    try:
        for packet in container.demux():
            at = packet.pts if packet.pts is not None else packet.dts
            if packet.size and at is not None and packet.time_base:
                reached = max(reached, (at + (packet.duration or 0)) * packet.time_base)
            if packet.stream_index != stream.index or not packet.size:
                continue
            packets += 1
            corrupt += packet.is_corrupt
            if packet.is_discard:
                keyframes += [at] if packet.is_keyframe and at is not None else []
                continue
            if packets > settings.most_frames:
                raise Refused(f"the video has over {settings.most_frames:,} frames")
            in_order &= packet.pts is not None
            if packet.dts is not None:
                in_order &= last is None or packet.dts >= last
                last = packet.dts
            shown.append(at if at is not None else 0)
            if packet.is_keyframe and at is not None:
                keyframes.append(at)
    except (av.FFmpegError, IndexError):  # the latter where a stream turns up midway
        broken = True
    if not shown:
        raise Refused("the video has no frames")
    return Scan(shown, sorted(keyframes), packets, in_order, reached, corrupt, broken)


def missing(container: InputContainer, stream: VideoStream, scan: Scan) -> list[str]:
    """What the file promises and doesn't hold; MPEG streams promise nothing."""
    notes = []
    end = float(max(scan.shown) * (stream.time_base or 0))
    if scan.broken:
        notes.append(f"the file can't be read past {end:.1f} s")
    if container.duration and not container.format.name.startswith("mpeg"):
        promised = Fraction(container.duration, av.time_base)
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        if promised - scan.reached > max(SHORT_SECONDS, Fraction(2) / rate):
            lost = stream.frames - scan.packets
            what = f"{lost} of {stream.frames} frames" if lost > 0 else "the rest"
            notes.append(f"{what}, from {end:.1f} s to {float(promised):.1f} s, are missing")
    if scan.corrupt:
        notes.append(f"{scan.corrupt} of {scan.packets} packets of the picture are damaged")
    return notes


def gaps(scan: Scan, tick: Fraction) -> list[str]:
    """Frames that come evenly but for a few: containers can lose some unnoticed.

    A longer pause is more likely meant, as in a recording of a still screen.
    """
    times = sorted(set(scan.shown))
    waits = [after - before for before, after in pairwise(times)]
    if len(waits) < EVEN_FRAMES or not scan.in_order:
        return []
    usual = statistics.median(waits)
    even = sum(abs(wait - usual) <= max(1, usual / 10) for wait in waits)
    long = [
        (at, wait) for at, wait in zip(times, waits, strict=False) if 1.75 * usual < wait < 1 / tick
    ]
    if not long or even < EVEN * len(waits):
        return []
    count = sum(round(wait / usual) - 1 for _, wait in long)
    first = float(long[0][0] * tick)
    return [f"frames come evenly, but for {count} that may be missing, the first at {first:.1f} s"]


def cuts(
    times: list[int], keyframes: list[int], ticks: Fraction
) -> tuple[list[int], list[int | None]]:
    """Where segments start, and the keyframe that each is decoded from.

    At the first keyframe that is far enough from the last cut; where there is none, anywhere.
    """
    starts = [times[0]]
    while True:
        after = bisect_left(keyframes, starts[-1] + ticks)
        key = keyframes[after] if after < len(keyframes) else times[-1] + 1
        at = bisect_left(times, key)
        if key - starts[-1] > PATIENCE * ticks:
            at = bisect_left(times, starts[-1] + ticks)
        if at >= len(times):
            break
        starts.append(times[at])
    return starts, [keyframe_before(keyframes, start) for start in starts]


def keyframe_before(keyframes: list[int], start: int) -> int | None:
    before = bisect_right(keyframes, start)
    return keyframes[before - 1] if before else None


def check_length(spans: list[Span], tick: Fraction, settings: SplitterSettings) -> None:
    seconds = float((spans[-1].stop - spans[0].start) * tick)
    if seconds > settings.longest_seconds:
        raise Refused(
            f"the video is {seconds:,.0f} s long; at most {settings.longest_seconds:,.0f} are taken"
        )
