"""Yields the packets and frames of a file, without those that are damaged."""

import contextlib
from collections.abc import Iterator

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame


def packets(container: InputContainer, stream: Stream) -> Iterator["Packet[Stream]"]:
    with contextlib.suppress(av.FFmpegError, IndexError):
        yield from container.demux(stream)


def frames_in(packet: "Packet[Stream]") -> list[VideoFrame]:
    """The packet's frames: none if it is damaged. Raises MemoryError, which isn't damage."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except MemoryError:
        raise
    except av.FFmpegError:
        return []
