"""The state that all open pages show, read from storage once however many pages there are.

It is read while a page is open, and once a minute otherwise, for the plots of the last hour. After
a read that took long there is a longer pause: jobs are read for at most a fifth of the time.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from azure.core.exceptions import AzureError

from services.web.jobs_reader import JobsReader, Seen
from services.web.measures import Measures, Sample
from services.web.settings import WebSettings
from services.web.trouble import Trouble, troubles
from shared.errors import ImpastoError
from shared.logs import logger
from shared.storage import Storage

log = logger()
LOOK_SECONDS = 1.0
#: The pause after a look is at least this many times as long as the look took.
PAUSE_FACTOR = 4
#: How often queues and the cluster are asked, with pages open and without.
MEASURE_SECONDS, IDLE_SECONDS = 10.0, 60.0
#: Who asks for an older state waits this long for a newer one.
OLDEST_SECONDS, WAIT_SECONDS = 3.0, 0.4


class State(NamedTuple):
    jobs: Mapping[str, Seen]
    sample: Sample | None
    trouble: list[Trouble]
    #: Since when storage hasn't answered.
    lost_since: datetime | None
    #: They change with what they are of.
    versions: Mapping[str, str]


class Board:
    def __init__(self, storage: Storage, settings: WebSettings) -> None:
        self._reader = JobsReader(storage, settings.web_jobs)
        self.measures = Measures(storage, settings)
        self.state = State({}, None, [], None, {})
        self._count = 0
        #: How many pages are open.
        self.watchers = 0
        self._wanted, self._closing = threading.Event(), threading.Event()
        self._measure_wanted = threading.Event()
        self._publishing = threading.Lock()
        self._read_done = threading.Condition()
        self._read_at = 0.0
        self._on_change: list[Callable[[], None]] = []
        self._started = f"{time.time_ns():x}"
        self._threads = [
            threading.Thread(target=loop, name=loop.__name__, daemon=True)
            for loop in (self._read_often, self._measure_often)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._closing.set()
        self.look()
        for thread in self._threads:
            thread.join(5)
        with suppress(ImpastoError, AzureError):
            self.measures.keep()

    def on_change(self, call: Callable[[], None]) -> None:
        """Call it, in a thread that reads, when a version is new."""
        self._on_change.append(call)

    def look(self) -> None:
        """Read soon: somebody has opened a page."""
        self._wanted.set()
        self._measure_wanted.set()

    def look_again(self) -> None:
        """Read all soon: somebody has changed something."""
        self._reader.look_at_all()
        self.look()

    def fresh(self) -> State:
        """The state, which is newly read if it is old, unless that takes long."""
        with self._read_done:
            before = self._read_at
            if time.monotonic() - before > OLDEST_SECONDS:
                self._wanted.set()
                self._read_done.wait_for(lambda: self._read_at > before, WAIT_SECONDS)
        return self.state

    def _read_often(self) -> None:
        while not self._closing.is_set():
            self._wanted.clear()
            began = time.monotonic()
            try:
                self._publish(jobs=self._reader.read(began), lost=None)
            except (ImpastoError, AzureError) as error:
                log.warning("the pages show an older state", why=str(error).partition("\n")[0])
                self._publish(lost=self.state.lost_since or datetime.now(UTC))
            with self._read_done:
                self._read_at = time.monotonic()
                self._read_done.notify_all()
            pause = PAUSE_FACTOR * (time.monotonic() - began)
            self._closing.wait(LOOK_SECONDS)
            self._wanted.wait(max(0.0, (pause if self.watchers else IDLE_SECONDS) - LOOK_SECONDS))

    def _measure_often(self) -> None:
        while not self._closing.is_set():
            self._measure_wanted.clear()
            with suppress(ImpastoError, AzureError):  # the other thread tells it
                self._publish(sample=self.measures.take())
            self._closing.wait(LOOK_SECONDS)
            pause = MEASURE_SECONDS if self.watchers else IDLE_SECONDS
            self._measure_wanted.wait(pause - LOOK_SECONDS)

    def _publish(
        self,
        jobs: Mapping[str, Seen] | None = None,
        sample: Sample | None = None,
        lost: datetime | None = None,
    ) -> None:
        with self._publishing:
            last = self.state
            jobs, taken = last.jobs if jobs is None else jobs, sample or last.sample
            found = troubles(jobs, taken, lost if sample is None else last.lost_since)
            versions = dict(last.versions)
            changed = {
                "jobs": jobs != last.jobs,
                "measures": taken is not last.sample,
                "trouble": found != last.trouble,
            }
            for name, is_new in changed.items():
                if is_new or name not in versions:
                    self._count += 1
                    versions[name] = f"{self._started}.{self._count}"
            lost_since = lost if sample is None else last.lost_since
            self.state = State(jobs, taken, found, lost_since, versions)
        if versions != last.versions:
            for call in self._on_change:
                call()
