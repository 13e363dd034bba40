"""What is particular to videos in the records of jobs: their field `detail`, typed.

Only code in a service's folder `video` reads it.
"""

from fractions import Fraction
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

#: The formats in which FFmpeg may open an input. Playlists and concat scripts would open other
#: files, and text would become a video of letters. Sound is listed to be refused with that reason.
SOURCE_ONLY = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,"
    "mp3,flac,wav,aac",
    "protocol_whitelist": "none",
}
#: The formats in which FFmpeg may open an encoded segment.
SEGMENT_ONLY = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2", "protocol_whitelist": "none"}
#: FFmpeg's AV_DISPOSITION_ATTACHED_PIC.
ATTACHED_PICTURE = 0x400


def is_cover(disposition: int | None) -> bool:
    """Whether a stream of this disposition is a cover picture, and not a video."""
    return bool((disposition or 0) & ATTACHED_PICTURE)


def step_of(rate: Fraction, tick: Fraction) -> int:
    """The usual duration of a frame, in ticks."""
    return max(1, round(1 / (rate * tick)))


class Place(NamedTuple):
    """Where a segment begins in a file whose frames go by their order."""

    packet: int
    #: The packet's position in the file.
    byte: int | None
    #: How many frames from that packet on belong to earlier segments.
    skip: int


class VideoDetail(BaseModel):
    """How to decode the video and how to show the painted frames."""

    model_config = ConfigDict(frozen=True)

    width: int
    height: int
    time_base: tuple[int, int]
    rate: tuple[int, int]
    sample_aspect: tuple[int, int]
    stream: int
    #: The keyframe from which each segment is decoded; None: from the beginning of the file.
    keyframes: list[int | None]
    #: Whether the file's times can't be used: then frames are timed by their order.
    sequential: bool = False
    #: Where each segment of a sequential file begins; empty in records of earlier versions, which
    #: have one segment.
    places: list[Place] = []
    rotation: int = 0
    interlaced: bool = False
    wide_gamut: bool = False
    notes: list[str] = []
    #: The bytes of the streams that are copied; 0 in records of earlier versions.
    passengers: int = 0

    @property
    def tick(self) -> Fraction:
        return Fraction(*self.time_base)

    @property
    def step(self) -> int:
        return step_of(Fraction(*self.rate), self.tick)


class SegmentDetail(BaseModel):
    """When each frame is shown, in ticks, and how many frames have which defect."""

    model_config = ConfigDict(frozen=True)

    pts: list[int]
    lost: int = 0
    damaged: int = 0
    scaled: int = 0
