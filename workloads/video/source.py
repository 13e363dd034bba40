"""Opens the video that was dropped, for the splitter and the stitcher alike."""

from typing import BinaryIO

import av
from av.container import InputContainer

from workloads.video.detail import SOURCE_ONLY

#: An MPEG transport stream consists of packets of this size; each begins with this byte.
PACKET_BYTES = 188
SYNC_BYTE = 0x47


def open_source(file: BinaryIO) -> InputContainer:
    """Open the file as one of the allowed formats. Raises an FFmpegError if it is none of them."""
    file.seek(0)
    try:
        return av.open(file, "r", container_options=SOURCE_ONLY)
    except av.FFmpegError:
        # FFmpeg recognizes a transport stream by more packets than a very short one has.
        if not _is_transport_stream(file):
            raise
    file.seek(0)
    return av.open(file, "r", format="mpegts", container_options=SOURCE_ONLY)


def _is_transport_stream(file: BinaryIO) -> bool:
    file.seek(0)
    beginning = file.read(2 * PACKET_BYTES + 1)
    return beginning[::PACKET_BYTES] == bytes([SYNC_BYTE] * 3)
