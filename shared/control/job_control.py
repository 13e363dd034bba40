"""What a person can do with jobs: submit, watch, download, cancel and retry them."""

from pathlib import Path

from shared import names
from shared.arrivals import Arrivals, event_of
from shared.blobs import Container
from shared.control.status import Status, StatusReader
from shared.errors import Malformed, Missing, Refused
from shared.jobs import Jobs
from shared.listing import list_all
from shared.logs import logger
from shared.messages import BlobCreated
from shared.models import Models
from shared.records import Result, Source
from shared.storage import Storage
from shared.workload import Workload
from shared.workloads import watched, workload_called, workload_of_lessons

log = logger()


class JobControl:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._models = Models(storage)
        self._arrivals = Arrivals(storage)
        self._jobs = Jobs(storage)
        self._reader = StatusReader(storage)

    def submit(self, workload: Workload, path: Path, blob: str) -> str:
        """Upload a file; return the id of its job."""
        return self._upload(self._storage.container(workload.input), path, blob)

    def teach(self, workload: Workload, path: Path, model: str) -> str:
        """Upload a file that a model is learnt from; return the id of its job."""
        if workload.lessons is None:
            raise Refused(f"the workload {workload.name} learns no models from files")
        self._models.check_new(model)
        container = self._storage.container(workload.lessons)
        return self._upload(container, path, f"{model}{path.suffix.lower()}")

    def _upload(self, container: Container, path: Path, blob: str) -> str:
        names.check_blob_name(blob)
        with path.open("rb") as file:
            etag = container.write(blob, file)
        event = event_of(container, blob, etag, path.stat().st_size)
        self._arrivals.announce_new(event)
        return event.job

    def fetch(self, finished: Status | Result, path: Path) -> None:
        """Download the output of a finished job."""
        container = workload_called(finished.workload).output
        self._storage.container(container).download(str(finished.output), path)

    def download(self, job: str, folder: Path) -> Path:
        """Download a finished job's output into a folder, and return its path.

        A file of that name is replaced.
        """
        status = self.require_output(job)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / Path(str(status.output)).name
        self.fetch(status, path)
        return path

    def require_output(self, job: str) -> Status:
        """The status of a finished job; raise Missing if it has no output."""
        status = self.status(job)
        if status.output is None:
            reason = f": {status.reason}" if status.reason else ""
            raise Missing(f"{job} has no output: it is {status.state}{reason}")
        arrival = self._arrivals.find(job)
        if arrival and workload_of_lessons(arrival.container):
            raise Missing(f"{job} has no output: it made a model, {status.output}")
        return status

    def status(self, job: str) -> Status:
        status = self._reader.read(job)
        if status is None:
            raise Missing(f"there is no job called {names.shown(job)}")
        unfinished = status.items and status.state != "finished"
        return self._reader.with_shards(status) if unfinished else status

    def cancel(self, job: str) -> None:
        status = self.status(job)
        if status.state == "failed":  # whose intermediate results are kept
            self._jobs.reopen(job)
        elif status.ended:
            return
        self._jobs.fail(job, status.source, "cancelled", "cancelled by a person")
        self._jobs.sweep(job)

    def retry(self, job: str) -> None:
        """Continue a job that failed or was refused or cancelled; what is done isn't done again.

        A running job is announced again; a finished one is left as it is.
        """
        if isinstance(self._jobs.outcome(job), Result):
            return
        event = self._event_of(job)
        if event is None:
            self.status(job)  # raises Missing if there is no such job
            raise Missing(f"the source of {job} isn't recorded; drop its file again")
        self._jobs.reopen(job)
        self._arrivals.announce(event)

    def delete(self, job: str) -> None:
        """Delete an ended job with its input, its output, its records and its log.

        A line that a service keeps later, as it does for two seconds after the end, stays for as
        long as logs are retained.

        Raises Refused for one that hasn't ended, and for one whose input isn't a blob, as the clock
        would announce that again.
        """
        status = self.status(job)
        if not status.ended:
            raise Refused(f"{job} hasn't ended; cancel it first")
        event = self._event_of(job)
        if event and event.is_window:
            raise Refused(f"{job} is of a window of time, which would be announced again")
        if event:
            self._delete_blobs(event, status)
        self._jobs.sweep(job)
        self._storage.container("logs").delete_all(names.job_folder(job))
        self._jobs.forget(job)

    def _delete_blobs(self, event: BlobCreated, status: Status) -> None:
        """The input comes first: with it, the job would be announced again."""
        if self._jobs.find_source(Source.of(event)):
            self._storage.container(event.container).delete(event.blob)
        if status.output and not workload_of_lessons(event.container):
            output = workload_called(status.workload).output
            self._storage.container(output).delete(status.output)

    def replay(self) -> int:
        """Announce every input without an outcome again, and return how many there are.

        What is done of them isn't done again.
        """
        present = [
            event_of(container, blob.name, blob.etag, blob.size, blob.md5)
            for container in map(self._storage.container, watched())
            for blob in list_all(container).oldest_first()
        ]
        # The jobs of inputs that were deleted, so that they are refused.
        gone = map(self._event_of, set(self._jobs.all()) - {event.job for event in present})
        every = [*present, *filter(None, gone)]
        unfinished = [event for event in every if not self._has_outcome(event.job)]
        # Jobs that have begun come first.
        for event in sorted(unfinished, key=lambda event: not self._is_begun(event.job)):
            self._arrivals.announce(event)
        self._jobs.sweep_all_ended()
        return len(unfinished)

    def _event_of(self, job: str) -> BlobCreated | None:
        try:
            known = self._jobs.find(job)
            if known is None or not known.source.etag:
                return self._arrivals.find(job)
        except Malformed as error:
            log.warning("the job's source can't be read", job=job, why=str(error))
            return None
        source = known.source
        container = self._storage.container(source.container)
        return event_of(container, source.blob, source.etag, source.size, source.md5)

    def _has_outcome(self, job: str) -> bool:
        """An outcome that can't be read counts as one."""
        try:
            return self._jobs.outcome(job) is not None
        except Malformed as error:
            log.warning(
                "the outcome can't be read; the job counts as ended", job=job, why=str(error)
            )
            return True

    def _is_begun(self, job: str) -> bool:
        try:
            return self._jobs.find(job) is not None
        except Malformed:
            return True
