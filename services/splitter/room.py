"""How much is begun at a time: enough to keep the nodes busy, and no more.

What waits to be split or is split and waits for the dispatcher is bounded. The dispatcher takes
only as much as its nodes and the stitchers keep up with, so the bound holds for all that is begun.
"""

import time
from collections.abc import Callable

from shared.storage import Storage

#: So many videos' segments may be on their way to the dispatcher. Where as many long videos are
#: being split, a short one waits until one of them has been.
VIDEOS = 4
#: For how long counted queues are taken for as long as they were.
LOOK_SECONDS = 0.5


class Room:
    def __init__(self, storage: Storage, segments_ahead: int) -> None:
        self._segments = storage.queue("segments")
        self._shards = storage.queue("shards")
        self._ahead = segments_ahead
        self._planned = self._split = 0
        self._look_at = 0.0

    def for_a_video(self) -> bool:
        """Whether another video may be opened."""
        return self._ask(self._open_for_videos)

    def for_a_segment(self) -> bool:
        """Whether another segment may be split."""
        return self._ask(self._open_for_segments)

    def planned(self, segments: int) -> None:
        self._planned += segments

    def split(self) -> None:
        self._planned -= 1
        self._split += 1

    def _open_for_videos(self) -> bool:
        return self._planned + self._split < VIDEOS * self._ahead

    def _open_for_segments(self) -> bool:
        return self._split < self._ahead

    def _ask(self, is_open: Callable[[], bool]) -> bool:
        if time.monotonic() >= self._look_at or not is_open():
            self._planned, self._split = self._segments.count(), self._shards.count()
            self._look_at = time.monotonic() + LOOK_SECONDS
        return is_open()
