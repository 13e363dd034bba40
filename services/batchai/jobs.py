"""A job from its start on a node to its end, whichever way it ends."""

import sqlite3

from services.batchai.family import MARK
from services.batchai.limits import check
from services.batchai.node import TIMED_OUT, Ending, Order
from services.batchai.places import Places, node_environment
from services.batchai.records import Cluster, Job, Node, Problem, now
from services.batchai.runs import Runs, new_run
from services.batchai.settings import ServerSettings
from services.batchai.store import Store
from services.batchai.troubles import no_such_image, not_started, terminated, trouble_of
from shared.errors import RequestRefused
from shared.logs import logger

log = logger()
UNSTARTABLE = (RequestRefused, OSError, ValueError, sqlite3.Error)
URGENCY = ("high", "normal", "low")


class JobKeeper:
    def __init__(self, settings: ServerSettings, store: Store, places: Places, runs: Runs) -> None:
        self._settings = settings
        self._store = store
        self._places = places
        self._runs = runs

    def waiting(self, cluster: Cluster) -> list[Job]:
        """Most urgent first, then as they came."""
        jobs = [job for job in self._store.all(Job) if job.state == "queued"]
        mine = [job for job in jobs if job.properties.cluster.id == cluster.id]
        return sorted(mine, key=lambda job: URGENCY.index(job.properties.scheduling_priority))

    def start(self, job: Job, node: Node) -> None:
        """If it can't be started, it has failed."""
        try:
            self._start(job, node)
        except UNSTARTABLE as error:
            if job.run:
                self._runs.kill(job.run)
                self._runs.forget(job.run)
            job.run = job.started = None
            self._end(job, None, [not_started(str(error))])

    def _start(self, job: Job, node: Node) -> None:
        properties = job.properties
        known, container = self._settings.known_images, properties.container_settings
        if container and known is not None and container.image_source_registry.image not in known:
            self._end(job, None, [no_such_image(container.image_source_registry.image)])
            return
        check(job, self._places)
        self._places.make(job)
        preparation = properties.job_preparation
        job.started = now()
        job.run = new_run()
        own = str(self._runs.own(job.run))
        order = Order(
            command=properties.custom_toolkit_settings.command_line,
            preparation=preparation.command_line if preparation else None,
            output=str(self._places.logs(job)),
            ends_at=(job.started + properties.constraints.max_wall_clock_time).timestamp(),
            grace_seconds=self._settings.worker_grace_seconds,
            tied_to_stdin=self._settings.tied_to_stdin,
            environment=self._places.environment(job)
            | {"AZ_BATCHAI_JOB_TEMP": own, "AZ_BATCHAI_JOB_TEMP_DIR": own, MARK: job.run},
        )
        job.become("running")
        self._store.add(job)  # first: killed in between, we must not start it twice
        self._runs.start(job.run, order, node_environment())
        log.info("job started", job=job.name, node=node.name)

    def look(self, job: Job, node: Node | None) -> None:
        """Settle it if its process is gone."""
        if job.run is None or self._runs.going(job.run):
            return
        ending = self._runs.ending(job.run)
        self._runs.forget(job.run)
        job.run = None
        taken = node and node.state in ("leaving", "unusable")
        if taken and job.state == "running" and (ending is None or ending.cut):
            job.started = None
            job.become("queued")
            self._store.save(job)
            log.warning("job queued again: its node is gone", job=job.name)
        elif job.state == "terminating" and not (ending and ending.left_well):
            self._end(job, ending, job.errors)
        else:
            self._end(job, ending, trouble_of(job, ending))

    def terminate(self, job: Job, why: str) -> None:
        if job.over or job.state == "terminating":
            return
        job.errors = [terminated(why)]
        if job.run is None:
            self._end(job, None, job.errors)
            return
        job.become("terminating")
        self._store.save(job)
        self._runs.terminate(job.run)

    def interrupt(self, job: Job) -> None:
        """Have it leave its node, to run again on another."""
        if job.run:
            self._runs.terminate(job.run)

    def kill(self, job: Job) -> None:
        if job.run:
            self._runs.kill(job.run)

    def _end(self, job: Job, ending: Ending | None, errors: list[Problem]) -> None:
        job.ended = now()
        job.exit_code = ending.exit_code if ending and ending.cut != TIMED_OUT else None
        job.errors = errors
        job.become("failed" if errors else "succeeded")
        for secret in job.properties.secrets:
            secret.value = ""  # it will not run again
        self._store.save(job)
        why = {"why": errors[0]["message"]} if errors else {}
        log.info("job ended", job=job.name, state=job.state, exit_code=job.exit_code, **why)
