"""Error bodies that say why a job failed or a cluster can't grow."""

from typing import Any

from services.batchai.node_agent import TERMINATED, TIMED_OUT, Ending
from services.batchai.resources import BatchJob, ErrorBody, Node
from shared.clusters.events import WAS_TERMINATED


def terminated(why: str) -> ErrorBody:
    return error_body("JobTerminated", f"{WAS_TERMINATED}{why}")


def node_unusable(node: Node) -> ErrorBody:
    return error_body("NodeUnusable", f"{node.name} failed while it ran a job", node=node.name)


def quota_reached(wanted: int, quota: int) -> ErrorBody:
    return error_body(
        "ClusterCoreQuotaReached",
        f"the quota is {quota} nodes for all clusters, and this cluster needs {wanted}",
    )


def no_such_image(image: str) -> ErrorBody:
    return error_body(
        "FailedStartingContainer", "unable to start docker container", imageName=image
    )


def not_started(why: str) -> ErrorBody:
    return error_body("JobNotStarted", f"the job can't be started: {why}")


def errors_of(job: BatchJob, ending: Ending | None) -> list[ErrorBody]:
    if ending is None:
        return [error_body("NodeLost", "the process that ran the job was killed")]
    if ending.trouble:
        return [not_started(ending.trouble)]
    if ending.cut == TIMED_OUT:
        limit = job.properties.constraints.max_wall_clock_time
        return [error_body("JobTimedOut", f"the job exceeded its time limit of {limit}")]
    if ending.succeeded:
        return []
    if ending.cut == TERMINATED:
        return [terminated("its node was told to stop")]
    suffix = "-job_prep" if ending.step == "preparation" else ""
    code = "JobPreparationFailed" if suffix else "JobFailed"
    return [error_body(code, f"the {ending.step} ended with exit code {ending.exit_code}")]


def error_body(code: str, message: str, **details: Any) -> ErrorBody:
    return {
        "code": code,
        "message": message,
        "details": [{"name": name, "value": value} for name, value in details.items()],
    }
