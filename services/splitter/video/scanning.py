"""What the packets of a file say: when its frames are shown, and what of them isn't there."""

import statistics
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from services.splitter.settings import SplitterSettings
from shared.errors import Refused

#: The sizes of a transport stream's packets: broadcast, disc, and with error correction.
TS_PACKETS = (188, 192, 204)
#: How much shorter than promised a file may end: containers round, and sound may be longer.
SHORT_SECONDS = Fraction(1, 10)
#: Of so many frames at least, so large a part must come evenly for a gap to be worth a word.
EVEN_FRAMES, EVEN = 10, 0.9


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
            if packet.has_sidedata("encryption_info"):
                raise Refused("the video is encrypted")
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
    """What the file promises and doesn't hold. MPEG streams promise no more than whole packets."""
    notes = []
    end = float(max(scan.shown) * (stream.time_base or 0))
    if scan.broken:
        notes.append(f"the file can't be read past {end:.1f} s")
    if container.format.name == "mpegts" and all(container.size % n for n in TS_PACKETS):
        notes.append(f"the file was cut off: it ends at {end:.1f} s, in the middle of a packet")
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
