"""Which of the source's streams (audio, subtitles …) are copied, and into which kind of file."""

import contextlib
import io
from collections.abc import Callable
from typing import Literal, NamedTuple

import av
from av.container import InputContainer
from av.stream import Stream

from workloads.video.detail import is_cover

Kind = Literal["mp4", "mkv"]

FORMATS: dict[Kind, str] = {"mp4": "mp4", "mkv": "matroska"}
SUBRIP = {"subrip", "text"}


class CopiedStream(NamedTuple):
    """A stream that is copied as it is, or converted to another codec packet by packet."""

    stream: Stream
    codec: str | None = None
    convert: Callable[[bytes], bytes] = bytes


class StreamPlan(NamedTuple):
    kind: Kind
    copied: list[CopiedStream]
    #: Notes on the streams that are left out.
    notes: list[str]

    def without_streams(self) -> "StreamPlan":
        """For streams of which some are too damaged to copy: there is no telling which."""
        notes = [f"{described(each.stream)} is too damaged to be copied" for each in self.copied]
        return StreamPlan(self.kind, [], self.notes + notes)

    def conversions(self) -> list[str]:
        return [
            f"subtitle stream {each.stream.index} was converted to {each.codec}"
            for each in self.copied
            if each.codec
        ]


def plan_streams(
    source: InputContainer, painted: int, wanted: Literal["auto", "mp4", "mkv"]
) -> StreamPlan:
    """Choose mp4, unless mkv keeps more streams as they are or a setting demands it."""
    mp4, mkv = (plan_for(source, painted, kind) for kind in ("mp4", "mkv"))
    if wanted != "auto":
        return mp4 if wanted == "mp4" else mkv
    converted = any(each.codec for each in mp4.copied)
    return mkv if converted or len(mkv.notes) < len(mp4.notes) else mp4


def plan_for(source: InputContainer, painted: int, kind: Kind) -> StreamPlan:
    copied, notes = [], []
    for stream in source.streams:
        if stream.index == painted:
            continue
        if found := copy_of(stream, kind):
            copied.append(found)
        else:
            notes.append(f"{described(stream)} can't be stored in {kind} and is left out")
    return StreamPlan(kind, copied, notes)


def copy_of(stream: Stream, kind: Kind) -> CopiedStream | None:
    codec = codec_of(stream)
    if codec is None or (stream.type == "video" and not is_cover(stream.disposition)):
        return None
    if fits(stream, kind):
        return CopiedStream(stream)
    if kind == "mp4" and codec in SUBRIP:
        return CopiedStream(stream, "mov_text", to_mov_text)
    if kind == "mkv" and codec == "mov_text":
        return CopiedStream(stream, "subrip", from_mov_text)
    return None


def fits(stream: Stream, kind: Kind) -> bool:
    """Whether FFmpeg writes the header of a file of this kind that has such a stream."""
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
    """A mov_text packet is a length, the text, and boxes with its formatting."""
    return packet[2 : 2 + int.from_bytes(packet[:2], "big")]


def to_mov_text(packet: bytes) -> bytes:
    return len(packet).to_bytes(2, "big") + packet
