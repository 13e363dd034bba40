"""Bounds on the jobs and segments in flight: enough to keep the nodes busy, and no more.

The bounds are on the lengths of the queues `segments` and `shards`. The dispatcher receives only
what its nodes and the stitchers keep up with, so everything that follows is bounded as well.
"""

import time
from collections.abc import Callable

from shared.storage import Storage

#: How many jobs may be split at a time. A short job waits while so many long ones are split.
JOBS = 4
#: How long the counts of the queues are used before they are counted again.
COUNTED_SECONDS = 0.5


class InFlight:
    def __init__(self, storage: Storage, segments_ahead: int) -> None:
        self._segments = storage.queue("segments")
        self._shards = storage.queue("shards")
        self._ahead = segments_ahead
        self._planned = self._split = 0
        self._count_at = 0.0

    def has_room_for_job(self) -> bool:
        """Whether another job may be opened."""
        return self._answer(self._open_for_jobs)

    def has_room_for_segment(self) -> bool:
        """Whether another segment may be split."""
        return self._answer(self._open_for_segments)

    def planned(self, segments: int) -> None:
        self._planned += segments

    def split(self) -> None:
        self._planned -= 1
        self._split += 1

    def _open_for_jobs(self) -> bool:
        return self._planned + self._split < JOBS * self._ahead

    def _open_for_segments(self) -> bool:
        return self._split < self._ahead

    def _answer(self, is_open: Callable[[], bool]) -> bool:
        if time.monotonic() >= self._count_at or not is_open():
            self._planned, self._split = self._segments.count(), self._shards.count()
            self._count_at = time.monotonic() + COUNTED_SECONDS
        return is_open()
