"""The settings of a Ray cluster, and calls to it: its jobs and its nodes."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from shared.clusters.settings import WorkerSettings, from_extra
from shared.clusters.state import ClusterJob, ClusterState
from shared.errors import ClusterError, Misconfigured

if TYPE_CHECKING:
    from ray.job_submission import JobDetails, JobSubmissionClient

STATES = {
    "PENDING": "queued",
    "RUNNING": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "STOPPED": "stopped",
}
#: How much of a log is read, from its end.
LOG_CHARACTERS = 600
#: Lines of a job's log with one of these are Ray's own.
RAYS_OWN = ("Running entrypoint for job", "job_manager.py")
MOST_NODES = 10_000


class RaySettings(WorkerSettings):
    ray_url: str = Field(
        "http://127.0.0.1:8265",
        description="The URL of the Ray cluster's dashboard, which serves its Jobs API.",
    )
    ray_cpus: float = Field(1, ge=0, description="How many CPUs Ray reserves for each worker.")
    ray_gpus: float = Field(0, ge=0, description="How many GPUs; with 0.5, two workers share one.")


class Node(NamedTuple):
    """A machine that is up, and how many workers it has room for."""

    name: str
    room: int


class RayJobs:
    def __init__(self, settings: RaySettings) -> None:
        if not settings.ray_cpus and not settings.ray_gpus:
            raise Misconfigured(
                "IMPASTO_RAY_CPUS and IMPASTO_RAY_GPUS are both 0: a worker must reserve"
                " one of them"
            )
        self._settings = settings
        with from_extra("ray"):
            import ray.job_submission  # noqa: F401 -- raises an error now if it is missing

    @cached_property
    def _client(self) -> "JobSubmissionClient":
        from ray.job_submission import JobSubmissionClient

        return JobSubmissionClient(self._settings.ray_url)

    def nodes(self) -> list[Node]:
        from ray.util.state import list_nodes

        with translated_errors():
            # Lost nodes as well: with a filter, Ray warns that the others were cut off.
            found = list_nodes(self._settings.ray_url, limit=MOST_NODES)
        return [
            Node(node.node_id, self._room(node.resources_total))
            for node in found
            if node.state == "ALIVE"
        ]

    def _room(self, resources: Mapping[str, float]) -> int:
        wanted = {"CPU": self._settings.ray_cpus, "GPU": self._settings.ray_gpus}
        return min(
            int(resources.get(name, 0) / amount) for name, amount in wanted.items() if amount
        )

    def jobs(self, prefix: str) -> list[ClusterJob]:
        with translated_errors():
            found = self._client.list_jobs()
        return [job_of(job) for job in found if (job.submission_id or "").startswith(prefix)]

    def create_job(self, name: str, command: str, environment: Mapping[str, str]) -> bool:
        """Start creating a job; returns False if it exists."""
        settings = self._settings
        try:
            with translated_errors():
                self._client.submit_job(
                    entrypoint=command,
                    submission_id=name,
                    runtime_env={"env_vars": dict(environment)},
                    entrypoint_num_cpus=settings.ray_cpus or None,
                    entrypoint_num_gpus=settings.ray_gpus or None,
                )
        except ClusterError:
            if self.jobs(name):
                return False
            raise
        return True

    def stop_job(self, name: str) -> None:
        """Stop a job; one that is pending is stopped when it gets a node."""
        with translated_errors():
            self._client.stop_job(name)

    def delete_job(self, name: str) -> None:
        with translated_errors():
            self._client.delete_job(name)

    def end_of_log(self, name: str) -> str:
        """The end of a failed job's log, which Ray keeps with the reason, on the head."""
        with translated_errors():
            message = self._client.get_job_info(name).message or ""
        lines = message.splitlines()[1:]
        log = "\n".join(line for line in lines if not any(own in line for own in RAYS_OWN))
        return log[-LOG_CHARACTERS:].strip()

    def most_workers(self, nodes: Sequence[Node]) -> int:
        """IMPASTO_NODES, for a cluster that grows on demand; if unset, as many as have room."""
        if "nodes" in self._settings.model_fields_set:
            return self._settings.nodes
        return max(1, sum(node.room for node in nodes))

    def state(self, prefix: str) -> ClusterState:
        """As for other clusters, with room for one worker counted as a node."""
        nodes = self.nodes()
        room = sum(node.room for node in nodes)
        busy = sum(job.state == "running" for job in self.jobs(prefix))
        return ClusterState(
            name=self._settings.ray_url,
            allocation="steady",
            vm_size=None,
            minimum=0,
            maximum=self.most_workers(nodes),
            nodes=room,
            idle=max(0, room - busy),
            running=busy,
            preparing=0,
            leaving=0,
            unusable=0,
            errors=[],
        )


def job_of(job: "JobDetails") -> ClusterJob:
    """Ray records when a job was created, not when it started; one with a node has started."""
    created = moment(job.start_time or 0)
    return ClusterJob(
        name=job.submission_id or "",
        state=STATES[job.status.value],
        created=created,
        started=created if job.driver_node_id else None,
        ended=moment(job.end_time) if job.end_time else None,
        exit_code=job.driver_exit_code,
        why=reason(job.message or "") if job.status.value == "FAILED" else None,
    )


def reason(message: str) -> str:
    """The first line, without the words that introduce the log."""
    return message.strip().partition("\n")[0].partition(", last available logs")[0]


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Raise the errors of Ray's clients as ClusterError, with one sentence."""
    from ray.exceptions import RayError
    from ray.util.state.exception import RayStateApiException

    try:
        yield
    except (OSError, RayStateApiException) as error:
        raise ClusterError(f"Ray doesn't answer: {str(error).partition('. ')[0]}") from error
    except (RuntimeError, RayError) as error:
        raise ClusterError(f"Ray refused: {last_line(str(error))}") from error


def last_line(message: str) -> str:
    """The last line with text: some refusals quote a whole traceback."""
    lines = [line.strip() for line in message.splitlines() if len(line.strip()) > 1]
    return lines[-1] if lines else "without a reason"
