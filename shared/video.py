"""What the splitter tells the stitcher of a video, in `detail` of the job's and segments' records.

The core carries these without reading them; only what is called `video` in a service does.
"""

from fractions import Fraction
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

#: How FFmpeg opens what people bring. Playlists and concat scripts open other files, and text opens
#: as a video of letters: nothing but these is ever tried. Sound formats are here to be refused for
#: what they are.
SOURCE_ONLY = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,"
    "mp3,flac,wav,aac",
    "protocol_whitelist": "none",
}
#: How it opens a segment that the stitcher encoded.
SEGMENT_ONLY = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2", "protocol_whitelist": "none"}
#: FFmpeg's AV_DISPOSITION_ATTACHED_PIC.
ATTACHED_PICTURE = 0x400


def is_cover(disposition: int | None) -> bool:
    """Whether a stream of this disposition is a cover picture, and not a video."""
    return bool((disposition or 0) & ATTACHED_PICTURE)


def step_of(rate: Fraction, tick: Fraction) -> int:
    """A frame's usual time on the screen, in ticks."""
    return max(1, round(1 / (rate * tick)))


class Place(NamedTuple):
    """Where a segment begins in a file that is read in order."""

    packet: int
    #: Where in the file that packet is.
    byte: int | None
    #: How many frames from that packet on belong to the segments before.
    skip: int


class VideoDetail(BaseModel):
    """How the painted frames are to be shown, and what the splitter has to know to make them."""

    model_config = ConfigDict(frozen=True)

    width: int
    height: int
    time_base: tuple[int, int]
    rate: tuple[int, int]
    sample_aspect: tuple[int, int]
    stream: int
    #: Where decoding starts for each segment; None: at the beginning of the file.
    keyframes: list[int | None]
    #: Times that mean nothing on their own: frames are timed by their order.
    sequential: bool = False
    #: Where each segment of such a file begins; none: it has one segment, as they all had once.
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
    """When each frame is shown, in ticks, and how many weren't as they should be."""

    model_config = ConfigDict(frozen=True)

    pts: list[int]
    lost: int = 0
    damaged: int = 0
    scaled: int = 0
