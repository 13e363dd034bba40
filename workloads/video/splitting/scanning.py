"""Reads the packets of a file: when its frames are shown, and what is missing or damaged."""

import statistics
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from shared.errors import Refused
from workloads.video.settings import SplittingSettings

#: Packet sizes of transport streams: broadcast, disc, and with error correction.
TS_PACKETS = (188, 192, 204)
#: A file may be so much shorter than it says: containers round, and sound may be longer.
SHORT_SECONDS = Fraction(1, 10)
#: Gaps are noted in videos of this many frames of which this part is evenly spaced.
EVEN_FRAMES, EVEN = 10, 0.9
#: The packets of a file may be larger than the file by this factor and these bytes: some
#: containers compress them.
OVERLAP, OVERLAP_BYTES = 4, 1024 * 1024


class Keyframe(NamedTuple):
    """When it is shown, the number of its packet, and the byte from which it can be read."""

    at: int | None
    packet: int
    byte: int | None


class Clock:
    """Times for packets in their order, continued where the packets' own times run backwards."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._moved = 0
        self._last: int | None = None

    def next(self, at: int | None) -> int:
        last = self._last
        if last is None:
            now = at or 0
        else:
            now = last + self._step if at is None else at + self._moved
            if now <= last:
                self._moved += last + self._step - now
                now = last + self._step
        self._last = now
        return now


class Scan(NamedTuple):
    shown: list[int]
    #: The same, continued where the file's clock starts over.
    clock: list[int]
    keyframes: list[Keyframe]
    packets: int
    in_order: bool
    reached: Fraction
    corrupt: int
    broken: bool
    #: The bytes of all other streams.
    other_bytes: int

    @property
    def seekable(self) -> bool:
        return self.in_order and any(key.at is not None for key in self.keyframes)


def scan_packets(
    container: InputContainer, stream: VideoStream, step: int, settings: SplittingSettings
) -> Scan:
    """Read the whole file; raise Refused if it exceeds a limit, or if its packets overlap."""
    shown: list[int] = []
    keyframes: list[Keyframe] = []
    times: list[int] = []
    clock = Clock(step)
    by_byte = container.format.name == "mpegts"  # other formats need an index
    packets, last, in_order, reached = 0, None, True, Fraction(0)
    corrupt, broken, read, pictures = 0, False, 0, 0
    try:
        for packet in container.demux():
            read += packet.size
            if read > OVERLAP * container.size + OVERLAP_BYTES:
                raise Refused("the file claims to hold more than it does: its packets overlap")
            at = packet.pts if packet.pts is not None else packet.dts
            if packet.size and at is not None and packet.time_base:
                reached = max(reached, (at + (packet.duration or 0)) * packet.time_base)
            if packet.stream_index != stream.index or not packet.size:
                continue
            packets += 1
            pictures += packet.size
            if packet.has_sidedata("encryption_info"):
                raise Refused("the video is encrypted")
            corrupt += packet.is_corrupt
            if packet.is_keyframe:
                keyframes.append(Keyframe(at, len(shown), packet.pos if by_byte else None))
            if packet.is_discard:
                continue
            if packets > settings.most_frames:
                raise Refused(f"the video has over {settings.most_frames:,} frames")
            in_order &= packet.pts is not None
            if packet.dts is not None:
                in_order &= last is None or packet.dts >= last
                last = packet.dts
            shown.append(at if at is not None else 0)
            decoded = packet.dts if packet.dts is not None else packet.pts
            runs_on = clock.next(decoded)
            moved = runs_on - decoded if decoded is not None else 0
            times.append(packet.pts + moved if packet.pts is not None else runs_on)
    except (av.FFmpegError, IndexError):  # IndexError if a stream appears midway
        broken = True
    if not shown:
        raise Refused("the video has no frames")
    other_bytes = read - pictures
    return Scan(shown, times, keyframes, packets, in_order, reached, corrupt, broken, other_bytes)


def missing(container: InputContainer, stream: VideoStream, scan: Scan) -> list[str]:
    """Notes on what the file should have and doesn't. MPEG streams only have whole packets."""
    notes = []
    end = float(max(scan.shown) * (stream.time_base or 0))
    if scan.broken:
        notes.append(f"the file can't be read past {end:.1f} s")
    if container.format.name == "mpegts" and all(container.size % n for n in TS_PACKETS):
        notes.append(f"the file was cut off: it ends at {end:.1f} s, in the middle of a packet")
    if container.duration and not container.format.name.startswith("mpeg"):
        expected = Fraction(container.duration, av.time_base)
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        if expected - scan.reached > max(SHORT_SECONDS, Fraction(2) / rate):
            lost = stream.frames - scan.packets
            what = f"{lost} of {stream.frames} frames" if lost > 0 else "the rest"
            notes.append(f"{what}, from {end:.1f} s to {float(expected):.1f} s, are missing")
    if scan.corrupt:
        notes.append(f"{scan.corrupt} of {scan.packets} packets of the picture are damaged")
    return notes


def gaps(scan: Scan, tick: Fraction) -> list[str]:
    """Notes on gaps between evenly spaced frames, which some containers lose without a sign.

    A longer pause is more likely intended, as in a recording of a still screen.
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
