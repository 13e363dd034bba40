"""Where to cut a video, known from its packets alone."""

from bisect import bisect_left, bisect_right
from fractions import Fraction
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from av.video.stream import VideoStream

from services.splitter.settings import SplitterSettings
from services.splitter.video.limits import check_work
from services.splitter.video.opening import opened, video_in
from services.splitter.video.order import BEGINNING
from services.splitter.video.picture import look_of
from services.splitter.video.scanning import Scan, gaps, missing, scanned
from shared.errors import Refused
from shared.records import Span
from shared.video import Place, VideoDetail, step_of

#: A piece without a keyframe may be this many times longer than wanted before it is cut anyway.
PATIENCE = 2
#: So far from its keyframe, a piece may be longer by one part in so many: of a long video with one
#: keyframe, nothing is decoded more than about ten times.
LONGER = 8
#: Of a file that is read from its beginning for each of its pieces.
MOST_PIECES = 64


class Facts(NamedTuple):
    """What is to be known of a stream when its container is closed again."""

    stream: int
    tick: Fraction
    rate: Fraction
    aspect: Fraction


class Pieces(NamedTuple):
    spans: list[Span]
    keyframes: list[int | None]
    places: list[Place]


class Plan(NamedTuple):
    segments: list[Span]
    detail: VideoDetail


def plan(file: BinaryIO, settings: SplitterSettings) -> Plan:
    with opened(file) as container:
        stream = video_in(container, settings)
        facts = facts_of(stream)
        scan = scanned(container, stream, step_of(facts.rate, facts.tick), settings)
        notes = missing(container, stream, scan)
    if notes and settings.refuse_damaged:
        raise Refused(f"the video is damaged: {notes[0]}")
    notes += gaps(scan, facts.tick)
    with opened(file) as container:
        look, more = look_of(container, container.streams[facts.stream], settings)
    check_work(look.width * look.height * len(scan.shown), settings)
    if not scan.seekable:
        more.append("the file's times don't run on; its frames are timed by their order")
    spans, keyframes, places = pieces(scan, Fraction(settings.segment_seconds) / facts.tick)
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
        places=places,
        rotation=look.rotation,
        interlaced=look.interlaced,
        wide_gamut=look.wide_gamut,
        notes=notes + more,
        passengers=scan.beside,
    )
    return Plan(spans, detail)


def facts_of(stream: VideoStream) -> Facts:
    if not stream.time_base:
        raise Refused("the video doesn't say when its frames are shown")
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return Facts(stream.index, stream.time_base, min(rate, 1 / stream.time_base), aspect)


def pieces(scan: Scan, ticks: Fraction) -> Pieces:
    """Where to cut: by what the frames say of their times, or by their order."""
    if scan.seekable:
        times = sorted(set(scan.shown))
        keyframes = sorted(key.at for key in scan.keyframes if key.at is not None)
    else:
        times = sorted(scan.clock)
        key_at = {scan.clock[key.packet]: key for key in scan.keyframes if key.packet < len(times)}
        keyframes = sorted(key_at)
        if any(key.byte is None for key in scan.keyframes):
            ticks = max(ticks, Fraction(times[-1] - times[0], MOST_PIECES))
    starts, decoded_from = cuts(times, keyframes, ticks)
    spans = [
        Span(start=start, stop=stop, items=bisect_left(times, stop) - bisect_left(times, start))
        for start, stop in pairwise([*starts, times[-1] + 1])
    ]
    if scan.seekable:
        return Pieces(spans, decoded_from, [])
    places = [BEGINNING]
    for start, keyframe in zip(starts[1:], decoded_from[1:], strict=True):
        skip = bisect_left(times, start)
        if keyframe is None:
            places.append(BEGINNING._replace(skip=skip))
        else:
            key = key_at[keyframe]
            places.append(Place(key.packet, key.byte, skip - bisect_left(times, keyframe)))
    return Pieces(spans, [None] * len(spans), places)


def cuts(
    times: list[int], keyframes: list[int], ticks: Fraction
) -> tuple[list[int], list[int | None]]:
    """Where segments start, and the keyframe that each is decoded from.

    At the first keyframe that is far enough from the last cut; where there is none, anywhere. But
    to decode from there means to decode from the keyframe on, so that the pieces get longer.
    """
    starts = [times[0]]
    while True:
        after = bisect_left(keyframes, starts[-1] + ticks)
        key = keyframes[after] if after < len(keyframes) else times[-1] + 1
        at = bisect_left(times, key)
        if key - starts[-1] > PATIENCE * ticks:
            begun = keyframe_before(keyframes, starts[-1])
            since = starts[-1] - (times[0] if begun is None else begun)
            at = bisect_left(times, starts[-1] + max(ticks, Fraction(since, LONGER)))
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
