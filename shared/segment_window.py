"""Limits how many segments of a job are in flight: a short job needn't wait for a long one.

The splitter sends a job's first segments. For each segment that the dispatcher cuts into chunks, it
sends the next one, which is queued behind those of other jobs. So at most `job.window` segments of
a job are between the queue `segments` and its workers at a time.
"""

from shared.messages import SegmentPlanned
from shared.records import Job
from shared.storage import Storage


class SegmentWindow:
    def __init__(self, storage: Storage) -> None:
        self._segments = storage.queue("segments")

    def send_first(self, job: Job) -> int:
        """Send as many segments to the splitters as the window has room for; return how many."""
        first = min(job.window, len(job.segments))
        for segment in range(first):
            self._send(job, segment)
        return first

    def send_next(self, job: Job, done: int) -> None:
        """Send the segment, if there is one, that may be split now that this one is done."""
        if done + job.window < len(job.segments):
            self._send(job, done + job.window)

    def _send(self, job: Job, segment: int) -> None:
        self._segments.send(SegmentPlanned(trace=job.trace, job=job.job, segment=segment))


def in_flight_from(job: Job, segment: int) -> int:
    """How many segments of the job are in flight when this is the first of them."""
    return min(job.window, len(job.segments) - segment)
