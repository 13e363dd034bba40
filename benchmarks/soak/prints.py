"""What a video is, so that two may be compared: its pictures as decoded, its sound as it is."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import av


class Print(NamedTuple):
    pictures: str
    sound: str
    #: Of the whole file, whose bytes need not be the same where the others are.
    file: str

    def shows_the_same(self, other: "Print") -> bool:
        return (self.pictures, self.sound) == (other.pictures, other.sound)


def print_of(path: Path) -> Print:
    pictures, sound = hashlib.sha256(), hashlib.sha256()
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            pictures.update(f"{frame.pts} {frame.time_base}".encode())
            pictures.update(frame.to_ndarray().tobytes())
    with av.open(str(path)) as container:
        for packet in container.demux(*container.streams.audio):
            sound.update(f"{packet.stream_index} {packet.pts}".encode() + bytes(packet))
    whole = hashlib.sha256(path.read_bytes())
    return Print(pictures.hexdigest(), sound.hexdigest(), whole.hexdigest())
