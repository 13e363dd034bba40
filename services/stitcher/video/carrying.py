"""What comes along from the source beside the picture, and in which kind of file it can."""

import contextlib
import io
from collections.abc import Callable
from typing import Literal, NamedTuple

import av
from av.container import InputContainer
from av.stream import Stream

from shared.video import is_cover

Kind = Literal["mp4", "mkv"]

FORMATS: dict[Kind, str] = {"mp4": "mp4", "mkv": "matroska"}
SUBRIP = {"subrip", "text"}


class Passenger(NamedTuple):
    """A stream that comes along: as it is, or as another codec by rewriting its packets."""

    stream: Stream
    codec: str | None = None
    rewrite: Callable[[bytes], bytes] = bytes


class Load(NamedTuple):
    kind: Kind
    passengers: list[Passenger]
    left: list[str]


def load(source: InputContainer, painted: int, wanted: Literal["auto", "mp4", "mkv"]) -> Load:
    """mp4 unless it would leave something behind that mkv would not, or a setting says so."""
    mp4, mkv = (loaded(source, painted, kind) for kind in ("mp4", "mkv"))
    if wanted != "auto":
        return mp4 if wanted == "mp4" else mkv
    converted = any(passenger.codec for passenger in mp4.passengers)
    return mkv if converted or len(mkv.left) < len(mp4.left) else mp4


def loaded(source: InputContainer, painted: int, kind: Kind) -> Load:
    passengers, left = [], []
    for stream in source.streams:
        if stream.index == painted:
            continue
        found = passenger(stream, kind)
        if found:
            passengers.append(found)
        else:
            left.append(f"{described(stream)} can't be carried in {kind} and is left out")
    return Load(kind, passengers, left)


def left_behind(load: Load) -> Load:
    """With nobody on board: some of them are too damaged to travel, and it can't be told who."""
    named = [f"{described(p.stream)} is too damaged to come along" for p in load.passengers]
    return Load(load.kind, [], load.left + named)


def passenger(stream: Stream, kind: Kind) -> Passenger | None:
    codec = codec_of(stream)
    if codec is None or (stream.type == "video" and not is_cover(stream.disposition)):
        return None
    if fits(stream, kind):
        return Passenger(stream)
    if kind == "mp4" and codec in SUBRIP:
        return Passenger(stream, "mov_text", to_mov_text)
    if kind == "mkv" and codec == "mov_text":
        return Passenger(stream, "subrip", from_mov_text)
    return None


def fits(stream: Stream, kind: Kind) -> bool:
    """Whether a file of this kind can be begun with such a stream in it: tried, not guessed."""
    with contextlib.suppress(av.FFmpegError, ValueError):
        with av.open(io.BytesIO(), "w", format=FORMATS[kind]) as out:
            out.add_stream_from_template(stream, opaque=True)
            out.start_encoding()
        return True
    return False


def codec_of(stream: Stream) -> str | None:
    context = getattr(stream, "codec_context", None)
    return av.Codec(context.name, "r").canonical_name if context else None


def described(stream: Stream) -> str:
    kind = "another video" if stream.type == "video" else f"the {stream.type} stream"
    return f"{kind} {stream.index} ({codec_of(stream) or 'of unknown kind'})"


def from_mov_text(packet: bytes) -> bytes:
    """mov_text is a length, that much text, and boxes of how it looks."""
    return packet[2 : 2 + int.from_bytes(packet[:2], "big")]


def to_mov_text(packet: bytes) -> bytes:
    return len(packet).to_bytes(2, "big") + packet
