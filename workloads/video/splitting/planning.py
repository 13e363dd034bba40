"""Plans the segments of a video from its packets, without decoding them."""

from bisect import bisect_left, bisect_right
from fractions import Fraction
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from av.video.stream import VideoStream

from shared.errors import Refused
from shared.records import Span
from workloads.video.detail import Place, VideoDetail, step_of
from workloads.video.settings import SplittingSettings
from workloads.video.splitting.limits import check_work
from workloads.video.splitting.opening import open_input, video_stream
from workloads.video.splitting.order import BEGINNING
from workloads.video.splitting.picture import picture_format
from workloads.video.splitting.scanning import Scan, gaps, missing, scan_packets

#: A segment may be this many times longer than wanted, to end at a keyframe.
LONGEST = 2
#: Far from its keyframe, a segment is as long as that distance divided by this: of a long video
#: with one keyframe, nothing is decoded more than about ten times.
DISTANCE_PARTS = 8
#: A first segment of fewer frames isn't cut once more: it is soon scored anyway.
OPENED_FRAMES = 75
#: The most segments of a file that is read from its beginning for each of them.
MOST_SEGMENTS = 64


class Facts(NamedTuple):
    """Properties of a stream, for use after its container is closed."""

    stream: int
    tick: Fraction
    rate: Fraction
    aspect: Fraction


class Segments(NamedTuple):
    spans: list[Span]
    keyframes: list[int | None]
    places: list[Place]


class Plan(NamedTuple):
    segments: list[Span]
    detail: VideoDetail


def plan(file: BinaryIO, settings: SplittingSettings) -> Plan:
    with open_input(file) as container:
        stream = video_stream(container, settings)
        facts = facts_of(stream)
        scan = scan_packets(container, stream, step_of(facts.rate, facts.tick), settings)
        notes = missing(container, stream, scan)
    if notes and settings.refuse_damaged:
        raise Refused(f"the video is damaged: {notes[0]}")
    notes += gaps(scan, facts.tick)
    with open_input(file) as container:
        picture, picture_notes = picture_format(
            container, container.streams[facts.stream], settings
        )
    check_work(picture.width * picture.height * len(scan.shown), settings)
    if not scan.seekable:
        picture_notes.append("the file's times don't run on; its frames are timed by their order")
    ticks = Fraction(settings.segment_seconds) / facts.tick
    spans, keyframes, places = segments_of(scan, ticks, settings.opening_frames)
    check_length(spans, facts.tick, settings)
    aspect = 1 / facts.aspect if picture.rotation % 180 else facts.aspect
    detail = VideoDetail(
        width=picture.width,
        height=picture.height,
        time_base=facts.tick.as_integer_ratio(),
        rate=facts.rate.as_integer_ratio(),
        sample_aspect=aspect.as_integer_ratio(),
        stream=facts.stream,
        keyframes=keyframes,
        sequential=not scan.seekable,
        places=places,
        rotation=picture.rotation,
        interlaced=picture.interlaced,
        wide_gamut=picture.wide_gamut,
        notes=notes + picture_notes,
        passengers=scan.other_bytes,
    )
    return Plan(spans, detail)


def facts_of(stream: VideoStream) -> Facts:
    if not stream.time_base:
        raise Refused("the video doesn't say when its frames are shown")
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return Facts(stream.index, stream.time_base, min(rate, 1 / stream.time_base), aspect)


def segments_of(scan: Scan, ticks: Fraction, opening: int) -> Segments:
    """Cut by the frames' times, or by their order if the times can't be used."""
    if scan.seekable:
        times = sorted(set(scan.shown))
        keyframes = sorted(key.at for key in scan.keyframes if key.at is not None)
    else:
        times = sorted(scan.clock)
        key_at = {scan.clock[key.packet]: key for key in scan.keyframes if key.packet < len(times)}
        keyframes = sorted(key_at)
        if any(key.byte is None for key in scan.keyframes):
            ticks = max(ticks, Fraction(times[-1] - times[0], MOST_SEGMENTS))
    starts, decoded_from = segment_starts(times, keyframes, ticks, opening)
    spans = [
        Span(start=start, stop=stop, items=bisect_left(times, stop) - bisect_left(times, start))
        for start, stop in pairwise([*starts, times[-1] + 1])
    ]
    if scan.seekable:
        return Segments(spans, decoded_from, [])
    places = [BEGINNING]
    for start, keyframe in zip(starts[1:], decoded_from[1:], strict=True):
        skip = bisect_left(times, start)
        if keyframe is None:
            places.append(BEGINNING._replace(skip=skip))
        else:
            key = key_at[keyframe]
            places.append(Place(key.packet, key.byte, skip - bisect_left(times, keyframe)))
    return Segments(spans, [None] * len(spans), places)


def segment_starts(
    times: list[int], keyframes: list[int], ticks: Fraction, opening: int = 0
) -> tuple[list[int], list[int | None]]:
    """Return where segments start, and the keyframe from which each is decoded.

    A segment starts at the first keyframe that is far enough from the last start, or, if there is
    none, anywhere. The farther that is from its keyframe, the longer the segments get, as they are
    decoded from the keyframe on. With `opening`, the first segment is cut after so many frames.
    """
    starts = [times[0]]
    while True:
        after = bisect_left(keyframes, starts[-1] + ticks)
        key = keyframes[after] if after < len(keyframes) else times[-1] + 1
        at = bisect_left(times, key)
        if key - starts[-1] > LONGEST * ticks:
            keyframe = keyframe_before(keyframes, starts[-1])
            since = starts[-1] - (times[0] if keyframe is None else keyframe)
            at = bisect_left(times, starts[-1] + max(ticks, Fraction(since, DISTANCE_PARTS)))
        if at >= len(times):
            break
        starts.append(times[at])
    first_items = bisect_left(times, [*starts, times[-1] + 1][1])
    if opening and first_items > max(opening, OPENED_FRAMES):
        starts.insert(1, times[opening])
    return starts, [keyframe_before(keyframes, start) for start in starts]


def keyframe_before(keyframes: list[int], start: int) -> int | None:
    before = bisect_right(keyframes, start)
    return keyframes[before - 1] if before else None


def check_length(spans: list[Span], tick: Fraction, settings: SplittingSettings) -> None:
    seconds = float((spans[-1].stop - spans[0].start) * tick)
    if seconds > settings.longest_seconds:
        raise Refused(
            f"the video is {seconds:,.0f} s long; at most {settings.longest_seconds:,.0f} are taken"
        )
