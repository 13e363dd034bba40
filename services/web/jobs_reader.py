"""Reads the newest jobs for all pages, with few requests however many jobs there are.

One listing tells which jobs there are; those that haven't ended are listed each. Once a minute, and
while many jobs go on, one listing of all records takes their place: it also shows which jobs of
those that had ended go on again. What has ended is read once, until its outcome changes.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote

from shared import names
from shared.blobs import Blob
from shared.control.status import Status, StatusReader
from shared.errors import Malformed
from shared.jobs import Jobs
from shared.storage import Storage

AT_A_TIME = 4
#: Over how many seconds a job's rate is measured.
PACE_SECONDS = 60.0

#: How often all records are listed, and of how many jobs at most the records are listed apart.
ALL_SECONDS, MOST_APART = 60.0, 60

Records = dict[str, Blob]


class Seen(NamedTuple):
    """A job as the pages show it."""

    status: Status
    #: When it was announced, and when something was last recorded of it.
    arrived: datetime
    changed: datetime
    #: Scored items, or steps of a lesson, a second; None if it isn't known.
    rate: float | None = None

    @property
    def seconds_left(self) -> float | None:
        left = (self.status.steps or self.status.items) - done_of(self.status)
        return left / self.rate if self.rate and not self.status.ended else None


class Arrived(NamedTuple):
    job: str
    at: datetime
    container: str
    source: str


class JobsReader:
    def __init__(self, storage: Storage, most: int) -> None:
        self._records = Jobs(storage).records
        self._reader = StatusReader(storage)
        self._most = most
        self._ended: dict[str, tuple[str, Seen]] = {}
        self._all_at: float | None = None
        self._paces: dict[str, deque[tuple[float, int]]] = {}

    def read(self, now: float) -> dict[str, Seen]:
        """The newest jobs, the newest first; `now` is a clock's, for the rates."""
        arrived, records = self._listed(now)
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            found = pool.map(lambda each: self._now(each, records, now), arrived)
            seen = {each.status.job: each for each in found if each}
        running = {job for job, each in seen.items() if not each.status.ended}
        ended = seen.keys() - running
        self._ended = {job: kept for job, kept in self._ended.items() if job in ended}
        self._paces = {job: pace for job, pace in self._paces.items() if job in running}
        return seen

    def look_at_all(self) -> None:
        """List all records the next time, as a job that had ended may go on."""
        self._all_at = None

    def _now(
        self, each: Arrived, all_records: dict[str, Records] | None, now: float
    ) -> Seen | None:
        if all_records is not None:
            return self._seen(each, all_records.get(each.job, {}), now)
        if each.job in self._ended:
            return self._ended[each.job][1]
        records = {blob.name: blob for blob in self._records.under(names.job_folder(each.job))}
        return self._seen(each, records, now)

    def _listed(self, now: float) -> tuple[list[Arrived], dict[str, Records] | None]:
        """The newest jobs, and the records of each if all were listed."""
        if self._all_at is not None and now - self._all_at < ALL_SECONDS:
            newest = self._records.some_under(f"{names.NEWEST}/", 0, self._most)
            jobs = {each.job: each for each in map(arrived_in, reversed(newest))}
            if sum(job not in self._ended for job in jobs) <= MOST_APART:
                return list(reversed(jobs.values())), None
        self._all_at = now
        return self._all_listed()

    def _all_listed(self) -> tuple[list[Arrived], dict[str, Records]]:
        arrived: dict[str, Arrived] = {}
        records: dict[str, Records] = {}
        for blob in self._records.under():
            folder = blob.name.partition("/")[0]
            if folder != names.NEWEST:
                records.setdefault(folder, {})[blob.name] = blob
            elif len(arrived) < self._most:
                each = arrived_in(blob)
                arrived.setdefault(each.job, each)
        return list(arrived.values()), records

    def _seen(self, each: Arrived, records: Records, now: float) -> Seen | None:
        outcome = records.get(names.outcome_record(each.job))
        known = self._ended.get(each.job)
        if outcome and known and known[0] == outcome.etag:
            return known[1]
        try:
            status = self._reader.of(each.job, records, each.container, each.source)
        except Malformed as error:
            status = Status(job=each.job, state="failed", source=each.source, reason=str(error))
        if status is None:
            return None
        changed = max((blob.modified for blob in records.values()), default=each.at)
        seen = Seen(status, each.at, changed, self._rate(status, now))
        if outcome:
            self._ended[each.job] = outcome.etag, seen
        return seen

    def _rate(self, status: Status, now: float) -> float | None:
        if status.ended:
            return None
        pace = self._paces.setdefault(status.job, deque())
        done = done_of(status)
        if not pace or pace[-1][1] != done:
            pace.append((now, done))
        while len(pace) > 2 and pace[0][0] < now - PACE_SECONDS:
            pace.popleft()
        (began, before), (_, last) = pace[0], pace[-1]
        return (last - before) / (now - began) if last > before and now > began else None


def arrived_in(record: Blob) -> Arrived:
    facts: Mapping[str, str] = record.metadata
    at = record.created or record.modified
    source = unquote(facts.get("blob", ""))
    return Arrived(names.job_of_newest(record.name), at, facts.get("container", ""), source)


def done_of(status: Status) -> int:
    return status.steps_done if status.steps else status.scored


def under_way(seen: Mapping[str, Seen]) -> Iterator[Seen]:
    return (each for each in seen.values() if not each.status.ended)
