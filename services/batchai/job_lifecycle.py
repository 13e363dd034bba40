"""Starts, terminates and requeues a job, and records how it ended."""

import sqlite3

from services.batchai.job_errors import errors_of, no_such_image, not_started, terminated
from services.batchai.job_paths import JobPaths, node_environment
from services.batchai.job_processes import MARK
from services.batchai.limits import check_limits
from services.batchai.node_agent import TIMED_OUT, Ending, RunSpec
from services.batchai.resources import BatchCluster, BatchJob, ErrorBody, Node, now
from services.batchai.runs import Runs, new_run
from services.batchai.settings import ServerSettings
from services.batchai.store import Store
from shared.clusters.events import JobEnded, JobRequeued, JobStarted
from shared.errors import RequestRefused

CANT_START = (RequestRefused, OSError, ValueError, sqlite3.Error)
PRIORITIES = ("high", "normal", "low")


class JobLifecycle:
    def __init__(
        self, settings: ServerSettings, store: Store, job_paths: JobPaths, runs: Runs
    ) -> None:
        self._settings = settings
        self._store = store
        self._job_paths = job_paths
        self._runs = runs

    def waiting(self, cluster: BatchCluster) -> list[BatchJob]:
        """By priority, then in order of arrival."""
        queued = [
            job
            for job in self._store.all(BatchJob)
            if job.state == "queued" and job.properties.cluster.id == cluster.id
        ]
        return sorted(queued, key=lambda job: PRIORITIES.index(job.properties.scheduling_priority))

    def start(self, job: BatchJob, node: Node) -> None:
        """A job that can't be started has failed."""
        try:
            self._start(job, node)
        except CANT_START as error:
            if job.run:
                self._runs.kill(job.run)
                self._runs.remove(job.run)
            job.run = job.started = None
            self._end(job, None, [not_started(str(error))])

    def _start(self, job: BatchJob, node: Node) -> None:
        properties = job.properties
        known, container = self._settings.known_images, properties.container_settings
        if container and known is not None and container.image_source_registry.image not in known:
            self._end(job, None, [no_such_image(container.image_source_registry.image)])
            return
        check_limits(job, self._job_paths)
        self._job_paths.create(job)
        preparation = properties.job_preparation
        job.started = now()
        job.run = new_run()
        work_folder = str(self._runs.work_folder(job.run))
        spec = RunSpec(
            command=properties.custom_toolkit_settings.command_line,
            preparation=preparation.command_line if preparation else None,
            output=str(self._job_paths.logs(job)),
            ends_at=(job.started + properties.constraints.max_wall_clock_time).timestamp(),
            grace_seconds=self._settings.worker_grace_seconds,
            tied_to_stdin=self._settings.tied_to_stdin,
            environment=self._job_paths.environment(job)
            | {"AZ_BATCHAI_JOB_TEMP": work_folder, "AZ_BATCHAI_JOB_TEMP_DIR": work_folder}
            | {MARK: job.run},
        )
        job.enter("running")
        # Stored before it is started, so that a crash in between can't start it twice.
        self._store.add(job)
        self._runs.start(job.run, spec, node_environment())
        JobStarted(job=job.name, node=node.name).log()

    def settle_if_ended(self, job: BatchJob, node: Node | None) -> None:
        """Record the end of a job whose process has ended, or queue it again."""
        if job.run is None or not self._runs.has_ended(job.run):
            return
        ending = self._runs.ending(job.run)
        if ending is None and not self._runs.kill_rest(job.run):
            return
        self._runs.remove(job.run)
        job.run = None
        lost_node = node and node.state in ("leaving", "unusable")
        if lost_node and job.state == "running" and (ending is None or ending.cut):
            job.started = None
            job.enter("queued")
            self._store.save(job)
            JobRequeued(job=job.name).log()
        elif job.state == "terminating" and not (ending and ending.succeeded):
            self._end(job, ending, job.errors)
        else:
            self._end(job, ending, errors_of(job, ending))

    def terminate(self, job: BatchJob, why: str) -> None:
        if job.over or job.state == "terminating":
            return
        job.errors = [terminated(why)]
        if job.run is None:
            self._end(job, None, job.errors)
            return
        job.enter("terminating")
        self._store.save(job)
        self._runs.terminate(job.run)

    def interrupt(self, job: BatchJob) -> None:
        """End its process; it is queued again if its node is leaving."""
        if job.run:
            self._runs.terminate(job.run)

    def kill(self, job: BatchJob) -> None:
        if job.run:
            self._runs.kill(job.run)

    def _end(self, job: BatchJob, ending: Ending | None, errors: list[ErrorBody]) -> None:
        job.ended = now()
        job.exit_code = ending.exit_code if ending and ending.cut != TIMED_OUT else None
        job.errors = errors
        job.enter("failed" if errors else "succeeded")
        for secret in job.properties.secrets:
            secret.value = ""  # no longer needed
        self._store.save(job)
        why = errors[0]["message"] if errors else None
        JobEnded(job=job.name, state=job.state, exit_code=job.exit_code, why=why).log()
