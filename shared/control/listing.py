"""Lists all jobs, newest first, a page at a time, with at most two storage calls for each job."""

from itertools import islice
from urllib.parse import unquote

from shared import names
from shared.control.status import Status, StatusReader
from shared.jobs import Jobs
from shared.storage import Storage


class Listing:
    def __init__(self, storage: Storage) -> None:
        self._reader = StatusReader(storage)
        self._jobs = Jobs(storage)

    def page(self, number: int, most: int) -> list[Status]:
        first = (number - 1) * most
        records = self._jobs.records
        listed = records.some_under(f"{names.NEWEST}/", first, most)
        jobs = {names.job_of_newest(blob.name): blob.metadata for blob in listed}
        if len(listed) < most:
            older = self._without_time(first + len(listed), most - len(listed))
            jobs |= {job: {} for job in older}
        statuses = (
            self._reader.read(job, arrival.get("container", ""), unquote(arrival.get("blob", "")))
            for job, arrival in jobs.items()
        )
        return [status for status in statuses if status]

    def _without_time(self, first: int, most: int) -> list[str]:
        """Jobs of versions that didn't record when they arrived; they come after all others."""
        listed = [names.job_of_newest(b.name) for b in self._jobs.records.under(names.NEWEST)]
        others = sorted(set(self._jobs.all()) - set(listed))
        start = max(0, first - len(listed))
        return list(islice(others, start, start + most))
