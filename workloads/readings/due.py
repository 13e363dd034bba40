"""Which rounds are due by the clock: those of hours that are over and have no job yet."""

import time
from datetime import datetime, timedelta

from shared.arrivals import Arrivals, window_event
from shared.messages import BlobCreated
from shared.storage import Storage
from workloads.readings.settings import ReadingsSettings
from workloads.readings.windows import ReadingsFiles, Window

#: How long nothing is listed after a listing, in seconds and in multiples of the listing's time.
PAUSE_SECONDS, PAUSE_TIMES = 5.0, 20


class Due:
    """Remembers what was announced, so that asking often costs little."""

    def __init__(self, storage: Storage, settings: ReadingsSettings) -> None:
        self._container = storage.container("readings")
        self._files = ReadingsFiles(self._container)
        self._arrivals = Arrivals(storage)
        self._delay = timedelta(minutes=settings.readings_delay_minutes)
        self._hours = settings.readings_catch_up_hours
        self._announced: set[Window] = set()
        self._again_at = 0.0

    def rounds(self, now: datetime) -> list[BlobCreated]:
        """The newest first. An hour without files is due if there were some the hour before."""
        began = time.monotonic()
        if began < self._again_at:
            return []
        newest = Window.at(now - self._delay).before()
        windows = [newest.before(hours) for hours in range(self._hours)]
        self._announced &= set(windows)
        there = self._files.hours(windows[-1].before(), newest)
        found: list[BlobCreated] = []
        for window in windows:
            if window in self._announced or not {window, window.before()} & there:
                continue
            self._announced.add(window)
            size = sum(blob.size for blob in self._files.arrived_in(window))
            event = window_event(self._container, window.name, size)
            if not self._arrivals.recorded(event.job):
                found.append(event)
        took = time.monotonic() - began
        self._again_at = began + took + max(PAUSE_SECONDS, PAUSE_TIMES * took)
        return found


_DUE: dict[Storage, Due] = {}


def due_rounds(storage: Storage, now: datetime) -> list[BlobCreated]:
    if storage not in _DUE:
        _DUE[storage] = Due(storage, ReadingsSettings())
    return _DUE[storage].rounds(now)
