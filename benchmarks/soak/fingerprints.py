"""Digests of a video, to compare two: of its decoded pictures, its sound packets, its file."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import av


class Fingerprint(NamedTuple):
    pictures: str
    sound: str
    #: Of the whole file; it may differ although pictures and sound are equal.
    file: str

    def shows_the_same(self, other: "Fingerprint") -> bool:
        return (self.pictures, self.sound) == (other.pictures, other.sound)


def fingerprint_of(path: Path) -> Fingerprint:
    pictures, sound = hashlib.sha256(), hashlib.sha256()
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            pictures.update(f"{frame.pts} {frame.time_base}".encode())
            pictures.update(frame.to_ndarray().tobytes())
    with av.open(str(path)) as container:
        for packet in container.demux(*container.streams.audio):
            sound.update(f"{packet.stream_index} {packet.pts}".encode() + bytes(packet))
    whole = hashlib.sha256(path.read_bytes())
    return Fingerprint(pictures.hexdigest(), sound.hexdigest(), whole.hexdigest())
