"""Jobs of a Ray cluster, through its Jobs API, and the nodes that it has.

The cluster itself is made elsewhere: by KubeRay, by `ray up`, or by `ray start` on each machine.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from shared.clusters import ClusterSettings, ClusterState, JobState, from_extra
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
#: How much of a log is looked at, in characters.
LAST_WORDS = 600
#: What Ray itself writes into a job's log.
RAYS_OWN = ("Running entrypoint for job", "job_manager.py")
MOST_NODES = 10_000


class RaySettings(ClusterSettings):
    ray_url: str = Field(
        "http://127.0.0.1:8265",
        description="Where the Ray cluster's dashboard answers, which serves its Jobs API.",
    )
    ray_cpus: float = Field(1, ge=0, description="How many CPUs Ray reserves for each worker.")
    ray_gpus: float = Field(0, ge=0, description="How many GPUs; half a one lets two share it.")


class Node(NamedTuple):
    """A machine of the cluster that is up, and how many workers it has room for."""

    name: str
    room: int


class RayJobs:
    def __init__(self, settings: RaySettings) -> None:
        if not settings.ray_cpus and not settings.ray_gpus:
            raise Misconfigured(
                "IMPASTO_RAY_CPUS and IMPASTO_RAY_GPUS are both 0: a worker needs one or the other"
            )
        self._settings = settings
        with from_extra("ray"):
            import ray.job_submission  # noqa: F401 -- said now if it is missing, not at first use

    @cached_property
    def _client(self) -> "JobSubmissionClient":
        from ray.job_submission import JobSubmissionClient

        return JobSubmissionClient(self._settings.ray_url)

    def nodes(self) -> list[Node]:
        from ray.util.state import list_nodes

        with plainly():
            # Those that are lost too: asked for only some, it takes the others for cut off.
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

    def jobs(self, prefix: str) -> list[JobState]:
        with plainly():
            found = self._client.list_jobs()
        return [job_of(job) for job in found if (job.submission_id or "").startswith(prefix)]

    def create_job(self, name: str, command: str, environment: Mapping[str, str]) -> bool:
        """Ask for it; whether it wasn't there already. What becomes of it, `jobs` will say."""
        settings = self._settings
        try:
            with plainly():
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
        """One that still waits for room is stopped when it gets some."""
        with plainly():
            self._client.stop_job(name)

    def delete_job(self, name: str) -> None:
        with plainly():
            self._client.delete_job(name)

    def last_words(self, name: str) -> str:
        """Of a job that failed: Ray keeps them with its reason, when its node is long gone."""
        with plainly():
            message = self._client.get_job_info(name).message or ""
        lines = message.splitlines()[1:]
        words = "\n".join(line for line in lines if not any(own in line for own in RAYS_OWN))
        return words[-LAST_WORDS:].strip()

    def most_workers(self, nodes: Sequence[Node]) -> int:
        """As many as were said, for a cluster that grows on demand; else as many as it can hold."""
        if "nodes" in self._settings.model_fields_set:
            return self._settings.nodes
        return max(1, sum(node.room for node in nodes))

    def state(self, prefix: str) -> ClusterState:
        """As of any other cluster, where a node is room for one worker."""
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


def job_of(job: "JobDetails") -> JobState:
    """Ray keeps when a job was asked for, not when it got its node; the node says that it did."""
    asked = moment(job.start_time or 0)
    return JobState(
        name=job.submission_id or "",
        state=STATES[job.status.value],
        created=asked,
        started=asked if job.driver_node_id else None,
        ended=moment(job.end_time) if job.end_time else None,
        exit_code=job.driver_exit_code,
        why=reason(job.message or "") if job.status.value == "FAILED" else None,
    )


def reason(message: str) -> str:
    """The first of its lines, without the announcement of the log that follows."""
    return message.strip().partition("\n")[0].partition(", last available logs")[0]


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """What Ray's clients raise, as our own error with one sentence."""
    from ray.exceptions import RayError
    from ray.util.state.exception import RayStateApiException

    try:
        yield
    except (OSError, RayStateApiException) as error:
        raise ClusterError(f"Ray doesn't answer: {str(error).partition('. ')[0]}") from error
    except (RuntimeError, RayError) as error:
        raise ClusterError(f"Ray refused: {gist(str(error))}") from error


def gist(message: str) -> str:
    """Of a refusal that quotes a whole traceback: its last line that says something."""
    lines = [line.strip() for line in message.splitlines() if len(line.strip()) > 1]
    return lines[-1] if lines else "it didn't say why"
