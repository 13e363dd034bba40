"""Files that must be refused: files that aren't videos, damaged videos, and playlists."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Hostile(NamedTuple):
    kind: str
    style: str
    suffix: str
    data: Callable[[bytes], bytes]


PLAYLIST = b"""#EXTM3U
#EXT-X-VERSION:3
#EXTINF:10.0,
file:///etc/passwd
#EXT-X-ENDLIST
"""
#: Each is made from a good video.
KINDS = [
    Hostile("not a video", "original", ".mp4", lambda _: b"Dear painter, " * 4000),
    Hostile("truncated", "original", ".mp4", lambda video: video[: len(video) // 2]),
    Hostile("playlist", "original", ".m3u8", lambda _: PLAYLIST),
    Hostile("playlist called mp4", "original", ".mp4", lambda _: PLAYLIST),
    Hostile("unknown style", "nobodys-style", ".mp4", lambda video: video),
    Hostile("empty", "original", ".mp4", lambda _: b""),
    Hostile("no pictures", "original", ".mp4", lambda video: video[:64]),
]


def make(folder: Path, good: Path) -> list[tuple[Hostile, Path]]:
    made = []
    for number, hostile in enumerate(KINDS):
        path = folder / f"hostile-{number}{hostile.suffix}"
        path.write_bytes(hostile.data(good.read_bytes()))
        made.append((hostile, path))
    return made
